-- What each sampled prediction was of, small and at hand wherever its sample lies: outcomes are joined
-- to it however late they come, and people choose from it what to label.
create table telemetry_prediction (
  device                text not null,
  prediction_id         text not null,
  subject               text not null,
  slot                  text not null,
  model                 text not null,
  version               bigint not null,
  at                    timestamptz not null,
  score                 double precision,
  stratum               text not null,
  inclusion_probability double precision not null,
  primary key (device, prediction_id)
);
create index telemetry_prediction_model on telemetry_prediction (model, at);
create index telemetry_prediction_subject on telemetry_prediction (device, subject)
  where subject <> '';
create index telemetry_prediction_at on telemetry_prediction using brin (at);

-- Outcomes that no device told have boot epoch 0 and a sequence of their own.
create sequence told_outcome;
alter table telemetry_feedback add column source text not null default 'device'
  check (source in ('device', 'api', 'csv', 'label'));
alter table telemetry_feedback add column inclusion_probability double precision;
create unique index telemetry_feedback_told
  on telemetry_feedback (device, prediction_id, client_id, outcome_at, actual)
  where boot_epoch = 0;
create index telemetry_feedback_unjoined on telemetry_feedback (device, prediction_id)
  where not joined;

create table label_task (
  id            bigint generated always as identity primary key,
  device        text not null,
  prediction_id text not null,
  model         text not null,
  version       bigint not null,
  at            timestamptz not null,
  score         double precision,
  predicted     double precision,
  reason        text not null,
  state         text not null check (state in ('OPEN', 'ACCEPTED', 'CORRECTED', 'REJECTED')),
  label         double precision,
  decided_by    text,
  decided_at    timestamptz,
  queued_at     timestamptz not null,
  unique (device, prediction_id)
);
create index label_task_open on label_task (id) where state = 'OPEN';
