-- How many classes an outcome of a prediction may be of; null where it may be any number, or nobody knows.
alter table telemetry_prediction add column classes integer;
