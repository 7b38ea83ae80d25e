-- What a sample holds is sealed with its tenant's key from the moment it is stored: in this table, in
-- the lake and in every copy of either. Samples of earlier builds lie open: they go.
drop table telemetry_sample;
delete from lake_file;

create table telemetry_sample (
  device text not null,
  boot_epoch bigint not null,
  sequence bigint not null,
  tenant text not null,
  prediction_id text not null,
  subject text not null,
  slot text not null,
  model text not null,
  version bigint not null,
  at timestamptz not null,
  inclusion_probability double precision not null,
  stratum text not null,
  sealed bytea not null,
  received_at timestamptz not null default now(),
  primary key (device, boot_epoch, sequence)
);
create index telemetry_sample_prediction on telemetry_sample (prediction_id);

alter table lake_file add column tenant text not null default 'default';
-- Set when another file holds its rows: nobody reads it any more, and it is removed a little later.
alter table lake_file add column replaced_at timestamptz;
create index lake_file_partition on lake_file (tenant, model, version, day) where replaced_at is null;

create index telemetry_feedback_received on telemetry_feedback using brin (received_at);
create index telemetry_event_received on telemetry_event using brin (received_at);

-- Erasures that were carried out; the file beside the database names those that a backup may lack.
create table erasure (
  id           text primary key,
  tenant       text not null,
  device       text,
  subject      text,
  reason       text not null,
  requested_by text not null,
  requested_at timestamptz not null,
  erased_at    timestamptz not null,
  samples      bigint not null,
  windows      bigint not null,
  feedback     bigint not null,
  examples     bigint not null
);

-- What is left of a snapshot after an erasure has another digest; the snapshot keeps its name.
alter table snapshot add column content text;
