-- Neighbouring bins that the device added up, their sum in the first of them. Rows of before may be folded and do not say
-- so: what was usual is read from the newest windows, which take their place.
alter table telemetry_window_stream add column fold integer not null default 1;
