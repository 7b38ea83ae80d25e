-- Long work in processes of its own.
create table job (
  id             text primary key,
  kind           text not null,
  subject        text not null,
  state          text not null check (state in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  created_at     timestamptz not null,
  started_at     timestamptz,
  finished_at    timestamptz,
  step           text,
  done           bigint not null default 0,
  total          bigint not null default 0,
  message        text,
  error_code     text,
  error_detail   text,
  pid            bigint,
  pid_started_at timestamptz
);
create index job_open on job (state) where state in ('QUEUED', 'RUNNING');

-- What a model is trained and judged on. Files are relative to the data folder.
create table snapshot (
  digest         text primary key,
  dataset        text not null,
  parent         text references snapshot (digest),
  window_cycles  integer not null,
  repeat         integer not null,
  features       text[] not null,
  series_file    text,
  collected_file text,
  slice          text,
  examples       integer not null,
  train          integer not null,
  validation     integer not null,
  test           integer not null,
  created_at     timestamptz not null
);

create table dataset_batch (
  name           text not null,
  batch          text not null,
  content        text not null,
  window_cycles  integer not null,
  snapshot       text not null references snapshot (digest),
  row_count      bigint not null,
  devices        integer not null,
  created_at     timestamptz not null,
  primary key (name, batch)
);

-- Version numbers already given away, to runs and to imports alike.
create table model_counter (
  model          text primary key,
  version        bigint not null
);

create table run (
  id             text primary key,
  job            text not null references job (id),
  model          text not null,
  snapshot       text not null references snapshot (digest),
  epochs         integer not null,
  seed           bigint not null,
  incident       text,
  champion       bigint,
  slice          text,
  state          text not null check (state in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  version        bigint not null,
  metrics        text,
  error_code     text,
  error_detail   text,
  created_at     timestamptz not null,
  finished_at    timestamptz
);
create index run_by_model on run (model, created_at desc);

create table model_version (
  model          text not null,
  version        bigint not null check (version > 0),
  source         text not null check (source in ('run', 'import')),
  format         text not null check (format in ('onnx', 'tflite')),
  blob           text not null,
  run            text references run (id),
  snapshot       text references snapshot (digest),
  calibration    text,
  metrics        text,
  created_at     timestamptz not null,
  primary key (model, version)
);

create table packaging (
  job            text primary key references job (id),
  model          text not null,
  version        bigint not null,
  profiles       text[] not null,
  release_counter bigint not null,
  state          text not null check (state in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  error_code     text,
  error_detail   text,
  created_at     timestamptz not null,
  foreign key (model, version) references model_version (model, version)
);
create index packaging_by_version on packaging (model, version, created_at desc);

create sequence release_counter;

-- Winners carry the signed artifact; the others say why they lost.
create table variant (
  model          text not null,
  version        bigint not null,
  profile        text not null,
  engine         text not null,
  precision      text not null,
  bytes          bigint not null,
  roc_auc        double precision,
  p50_micros     double precision,
  measured       text not null,
  winner         boolean not null,
  manifest       text,
  signature      text,
  reason         text,
  primary key (model, version, profile, engine, precision),
  foreign key (model, version) references model_version (model, version)
);
create unique index variant_winner on variant (model, version, profile) where winner;

-- What a retraining was started for, and what came of it.
create table retraining (
  incident       text not null,
  run            text primary key references run (id),
  hypothesis     text not null,
  collected      integer not null,
  cohort_train   integer not null,
  cohort_test    integer not null,
  outcome        text,
  started_at     timestamptz not null,
  finished_at    timestamptz
);
create index retraining_by_incident on retraining (incident, started_at desc);

