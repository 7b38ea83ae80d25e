-- device: the lowest release counter that devices may begin, as operators set it.
create table release_floor (
  model text primary key,
  counter bigint not null check (counter >= 1),
  set_by text not null,
  set_at timestamptz not null
);

-- device: the newest snapshot that was signed; its version never goes down.
create table trust_snapshot (
  single boolean primary key default true check (single),
  version bigint not null,
  envelope text not null,
  issued_at timestamptz not null
);
