-- Samples that a device chose and did not keep, by stratum, as it told with its window.
alter table telemetry_window add column samples_refused jsonb not null default '{}';
