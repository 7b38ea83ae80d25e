-- When an outcome became known together with its prediction: the window in which it counts as an
-- error or not, now and whenever that window is judged again.
alter table telemetry_feedback add column joined_at timestamptz;
update telemetry_feedback set joined_at = received_at where joined;
create index telemetry_feedback_known on telemetry_feedback (slot, model, joined_at);
