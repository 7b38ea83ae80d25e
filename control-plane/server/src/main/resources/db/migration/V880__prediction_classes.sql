-- How many classes an outcome of a prediction may be of; null where it may be any number, or nobody knows.
alter table telemetry_prediction add column classes integer;

-- Outcomes whose prediction is still looked for by the client that they name.
create index telemetry_feedback_unnamed on telemetry_feedback (sequence)
  where not joined and prediction_id = '' and subject <> '' and boot_epoch = 0;
