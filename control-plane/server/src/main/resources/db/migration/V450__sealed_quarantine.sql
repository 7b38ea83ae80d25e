-- Outcomes name a subject by its pseudonym, as samples do, and what could not be read is sealed with
-- its tenant's key. What earlier builds stored of either lies open: it goes. Outcomes that named a
-- client only and found no prediction would never be joined without the name.
drop index telemetry_feedback_told;
delete from telemetry_feedback where boot_epoch = 0 and prediction_id = '';
delete from telemetry_feedback later using telemetry_feedback first
  where later.boot_epoch = 0 and first.boot_epoch = 0 and later.sequence > first.sequence
    and later.device = first.device and later.prediction_id = first.prediction_id
    and later.outcome_at = first.outcome_at and later.actual = first.actual;
alter table telemetry_feedback rename column client_id to subject;
update telemetry_feedback set subject = '' where subject <> '';
create unique index telemetry_feedback_told
  on telemetry_feedback (device, prediction_id, subject, outcome_at, actual)
  where boot_epoch = 0;
create index telemetry_feedback_subject on telemetry_feedback (subject) where subject <> '';

alter table telemetry_quarantine
  add column tenant text not null default 'default',
  add column bytes bigint not null default 0,
  -- Absent when it was erased.
  add column sealed bytea,
  drop column payload;
