-- audit: rows are only ever added; each carries the hash of the one before it.
create table audit_entry (
  id bigint primary key,
  at timestamptz not null,
  actor text not null,
  act text not null,
  object text not null,
  reason text not null,
  before text not null,
  after text not null,
  request_id text not null,
  previous_hash text not null,
  hash text not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are never changed', tg_table_name;
end $$;

create trigger audit_entry_append_only before update or delete or truncate on audit_entry
  for each statement execute function refuse_change();

-- access
create table access_user (
  name text primary key,
  role text not null check (role in ('viewer', 'operator', 'approver', 'auditor', 'admin')),
  token_hash text not null unique,
  created_at timestamptz not null
);

-- device
create table device (
  id text primary key,
  tenant text not null,
  labels jsonb not null,
  facts jsonb not null,
  profile text,
  secret_hash text not null,
  enrolled_at timestamptz not null
);
create index device_profile on device (profile);
create index device_labels on device using gin (labels);

create table enrolment_token (
  id bigint generated always as identity primary key,
  secret_hash text not null unique,
  labels jsonb not null,
  uses_left int not null check (uses_left >= 0),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

-- Narrow and often updated: kept apart so that updates stay on their page.
create table device_presence (
  device text primary key references device on delete cascade,
  online boolean not null,
  boot_epoch bigint not null,
  seen_at timestamptz
) with (fillfactor = 70);

-- The latest report only, by (boot_epoch, sequence).
create table device_report (
  device text primary key references device on delete cascade,
  boot_epoch bigint not null,
  sequence bigint not null,
  at timestamptz not null,
  received_at timestamptz not null,
  observed_term bigint not null,
  observed_counter bigint not null,
  applied_term bigint not null,
  applied_counter bigint not null,
  agent_version text not null,
  dropped bigint not null,
  document bytea not null
) with (fillfactor = 70);

create table device_slot_report (
  device text not null references device on delete cascade,
  slot text not null,
  revision bigint not null,
  phase text not null,
  rollout text,
  target_manifest text,
  running_model text,
  running_version bigint,
  running_manifest text,
  error_code text,
  error_detail text,
  predictions bigint not null,
  predictions_failed bigint not null,
  primary key (device, slot)
) with (fillfactor = 70);

-- What each device shall run. The database is the truth, the retained message a copy.
create table desired_term (
  term bigint not null,
  only_row boolean primary key default true check (only_row)
);
insert into desired_term (term) values (1);

create table desired (
  device text primary key references device on delete cascade,
  term bigint not null,
  counter bigint not null,
  issued_at timestamptz not null,
  published_at timestamptz
) with (fillfactor = 70);

create table desired_slot (
  device text not null references device on delete cascade,
  slot text not null,
  revision bigint not null,
  model text not null,
  version bigint not null,
  manifest text not null,
  signature text not null,
  rollout text,
  sampling_base double precision not null,
  sampling_notable double precision not null,
  window_millis bigint not null,
  probation_predictions int not null,
  probation_millis bigint not null,
  primary key (device, slot)
);
create index desired_slot_rollout on desired_slot (rollout);

-- Desired documents that are still to be published; one row a device, because only the newest counts.
create table desired_outbox (
  device text primary key references device on delete cascade,
  term bigint not null,
  counter bigint not null,
  queued_at timestamptz not null
);

-- ingest: what is stored of each (device, boot epoch, stream).
create table ingest_ledger (
  device text not null references device on delete cascade,
  boot_epoch bigint not null,
  stream text not null,
  through bigint not null,
  beyond bigint[] not null,
  highest bigint not null,
  stored bigint not null,
  duplicates bigint not null,
  primary key (device, boot_epoch, stream)
) with (fillfactor = 70);

-- One row a window of one running version on one device. The same window index can come twice from
-- one device when its agent was started anew in between: add them up.
create table telemetry_window (
  device text not null,
  boot_epoch bigint not null,
  sequence bigint not null,
  slot text not null,
  model text not null,
  version bigint not null,
  manifest text not null,
  window_index bigint not null,
  start_at timestamptz not null,
  end_at timestamptz not null,
  predictions bigint not null,
  predictions_failed bigint not null,
  skipped bigint not null,
  received_at timestamptz not null,
  primary key (device, boot_epoch, sequence)
);
create index telemetry_window_index on telemetry_window (model, version, window_index);

create table telemetry_window_stream (
  device text not null,
  boot_epoch bigint not null,
  sequence bigint not null,
  slot text not null,
  model text not null,
  version bigint not null,
  window_index bigint not null,
  stream text not null,
  counts bigint[] not null,
  primary key (device, boot_epoch, sequence, stream)
);
create index telemetry_window_stream_index
  on telemetry_window_stream (model, version, window_index, stream);

create table telemetry_feedback (
  device text not null,
  boot_epoch bigint not null,
  sequence bigint not null,
  prediction_id text not null,
  client_id text not null,
  slot text not null,
  model text not null,
  version bigint not null,
  actual double precision not null,
  joined boolean not null,
  score double precision,
  predicted_at timestamptz,
  outcome_at timestamptz not null,
  received_at timestamptz not null,
  primary key (device, boot_epoch, sequence)
);
create index telemetry_feedback_prediction on telemetry_feedback (prediction_id);
create index telemetry_feedback_version on telemetry_feedback (model, version, predicted_at);

-- Samples wait here until they are in the lake as Parquet; read both through SampleStore.
create table telemetry_sample (
  device text not null,
  boot_epoch bigint not null,
  sequence bigint not null,
  tenant text not null,
  prediction_id text not null,
  client_id text not null,
  slot text not null,
  model text not null,
  version bigint not null,
  at timestamptz not null,
  input_name text not null,
  input_type text not null,
  input_shape bigint[] not null,
  input bytea not null,
  output bytea not null,
  score double precision,
  inclusion_probability double precision not null,
  stratum text not null,
  record bytea,
  received_at timestamptz not null default now(),
  primary key (device, boot_epoch, sequence)
);

create table lake_file (
  path text primary key,
  model text not null,
  version bigint not null,
  day date not null,
  rows bigint not null,
  bytes bigint not null,
  written_at timestamptz not null
);
create index lake_file_version on lake_file (model, version, day);

create table telemetry_event (
  device text not null,
  boot_epoch bigint not null,
  sequence bigint not null,
  at timestamptz not null,
  code text not null,
  detail text not null,
  attributes jsonb not null,
  received_at timestamptz not null,
  primary key (device, boot_epoch, sequence)
);

-- What could not be read; the oldest rows go first when there are too many.
create table telemetry_quarantine (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  device text not null,
  stream text not null,
  boot_epoch bigint,
  sequence bigint,
  reason text not null,
  payload bytea not null
);

-- Counters that are not the count of a table.
create table telemetry_counter (
  name text primary key,
  value bigint not null
);
insert into telemetry_counter (name, value)
  values ('samples', 0), ('windows', 0), ('feedback', 0), ('events', 0), ('duplicates', 0),
    ('quarantined', 0);
