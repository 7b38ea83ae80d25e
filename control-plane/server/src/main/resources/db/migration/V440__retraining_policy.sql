-- Whether runs start by themselves; without a row they are only proposed.
create table retraining_policy (
  model          text primary key,
  automatic      boolean not null,
  cool_down_hours integer not null check (cool_down_hours between 0 and 8760),
  runs_a_month   integer not null check (runs_a_month between 0 and 1000),
  changed_by     text not null,
  changed_at     timestamptz not null
);

-- What the trigger last said of each open incident, and why.
create table retraining_proposal (
  incident   text primary key,
  model      text not null,
  decision   text not null,
  reason     text not null,
  decided_at timestamptz not null
);
