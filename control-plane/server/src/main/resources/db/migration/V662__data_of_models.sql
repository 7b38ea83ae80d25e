-- How long what the devices of one model sent is kept, where that is not as long as of all others.
create table model_retention (
  model      text not null,
  what       text not null check (what in ('windows', 'samples', 'feedback')),
  kept_days  integer not null,
  changed_by text not null,
  changed_at timestamptz not null,
  primary key (model, what)
);

-- What an erasure could not reach, and why.
alter table erasure add column beyond text;

-- How right the retrained version was on the incident's devices, once it ran on them, and when that was last counted.
alter table retraining add column realised text;
alter table retraining add column realised_at timestamptz;
