-- Of versions whose output names classes: what an outcome is compared with. Their score is the
-- probability of class 1 when there are two, and none when there are more or the class is unknown.
alter table telemetry_prediction add column predicted_class bigint;
alter table telemetry_feedback add column predicted_class bigint;
