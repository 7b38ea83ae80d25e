-- How fast model files are on devices: of each file on each device what was told last.
create table timing (
  profile           text not null,
  model             text not null,
  device            text not null,
  engine            text not null,
  p50_micros        double precision not null,
  p99_micros        double precision not null,
  load_millis       double precision not null,
  peak_memory_bytes bigint not null,
  calls             int not null,
  told_by           text not null,
  told_at           timestamptz not null,
  primary key (profile, model, device)
);
create index timing_told_at on timing (told_at);
