-- drift: which windows were judged, from which records, and what they said.
create table drift_track (
  slot           text not null,
  model          text not null,
  window_millis  bigint not null,
  judged_through bigint not null,
  primary key (slot, model, window_millis)
);

-- Judging the records received until then, window by window, gives the same verdicts again.
create table drift_window (
  slot           text not null,
  model          text not null,
  window_millis  bigint not null,
  window_index   bigint not null,
  received_until timestamptz not null,
  records        integer not null,
  learning       integer not null,
  judged         integer not null,
  verdicts       jsonb not null,
  primary key (slot, model, window_millis, window_index)
);

create table incident (
  number         bigint generated always as identity primary key,
  slot           text not null,
  model          text not null,
  version        bigint not null,
  window_millis  bigint not null,
  cohort         text not null,
  feature        text not null,
  state          text not null check (state in ('OPEN', 'HARM_CONFIRMED', 'RESOLVED')),
  opened_at      timestamptz not null,
  onset_window   bigint not null,
  opened_window  bigint not null,
  finding        jsonb not null,
  harm           jsonb,
  confirmations  integer not null,
  resolution     text not null,
  resolved_at    timestamptz,
  resolved_after bigint,
  relearn        boolean not null
);
create index incident_open on incident (slot, model) where state <> 'RESOLVED';

-- rollout
create table rollout (
  id                    text primary key,
  slot                  text not null,
  model                 text not null,
  version               bigint not null,
  phase                 text not null,
  stage                 integer not null,
  pause_reason          text,
  superseded_by         text,
  reason                text not null,
  percents              bigint[] not null,
  soak_millis           bigint not null,
  window_millis         bigint not null,
  start_deadline_millis    bigint not null,
  progress_deadline_millis bigint not null,
  stage_deadline_millis    bigint not null,
  sampling_base         double precision not null,
  sampling_notable      double precision not null,
  probation_predictions integer not null,
  probation_millis      bigint not null,
  not_eligible          integer not null,
  on_failed_devices     text not null,
  created_by            text not null,
  created_at            timestamptz not null,
  ended_at              timestamptz
);
create index rollout_active on rollout (slot) where ended_at is null;

create table rollout_stage (
  rollout       text not null references rollout (id),
  stage         integer not null,
  state         text not null,
  opened_at     timestamptz,
  soaking_since timestamptz,
  reason        text not null,
  evidence      jsonb not null,
  primary key (rollout, stage)
);

-- One device's part in a rollout, and what it was ordered to run before.
create table deployment (
  rollout            text not null references rollout (id),
  device             text not null references device (id) on delete cascade,
  stage              integer not null,
  profile            text not null,
  manifest           text not null,
  signature          text not null,
  state              text not null,
  outcome            text,
  revision           bigint not null default 0,
  ordered_at         timestamptz,
  previous_model     text,
  previous_version   bigint,
  previous_manifest  text,
  previous_signature text,
  error_code         text,
  error_detail       text,
  primary key (rollout, device)
);
create index deployment_stage on deployment (rollout, stage, state);

-- alert: what somebody should know of.
create table alert (
  id      bigint generated always as identity primary key,
  at      timestamptz not null,
  kind    text not null,
  object  text not null,
  detail  text not null
);
