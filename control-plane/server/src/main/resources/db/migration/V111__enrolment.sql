-- device: enrolment by certificate, names that enrol again, copied identities.

alter table device alter column secret_hash drop not null;
-- Boot epochs up to this one were of a removed device of the same name: nothing of them counts.
alter table device add column boot_epoch_floor bigint not null default 0;

-- What is kept of a removed device, so that its name can be used again: the next one continues
-- above its boot epoch and its generation.
create table device_removed (
  id text primary key,
  tenant text not null,
  boot_epoch bigint not null,
  term bigint not null,
  counter bigint not null,
  removed_at timestamptz not null
);

alter table enrolment_token add column uses int not null default 1;
alter table enrolment_token add column preauthorised_only boolean not null default false;

create table preauthorisation (
  device text primary key,
  tenant text not null,
  key_sha256 text,
  labels jsonb not null,
  created_by text not null,
  created_at timestamptz not null,
  used_at timestamptz
);

-- Which processes spoke under a device's name (CloneMachine's state), and the alarm if they were two
-- at a time.
create table device_instances (
  device text primary key references device on delete cascade,
  state jsonb not null,
  cloned_since timestamptz
) with (fillfactor = 70);
