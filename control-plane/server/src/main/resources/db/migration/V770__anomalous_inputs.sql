-- Anomalous inputs that a window counts, also among its skipped predictions; rows from before tell them in the record only.
alter table telemetry_window add column anomalous bigint not null default 0;
