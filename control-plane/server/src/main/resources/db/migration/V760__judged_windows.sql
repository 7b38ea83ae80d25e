-- The length that a device's windows have, where drift is judged by longer ones (window_millis, window_index); null in
-- rows from before, which were judged one by one.
alter table telemetry_window add column told_millis bigint;
