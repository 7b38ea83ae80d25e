-- A window's counts stay in one value as they were sent: a row for each of 106 streams cost most of
-- what storing cost. Windows stored before have no record and could not be judged again.
delete from drift_window;
delete from drift_track;
delete from telemetry_window_stream;
delete from telemetry_window;

alter table telemetry_window add column window_millis bigint not null default 0;
alter table telemetry_window add column record bytea not null default '';
drop index telemetry_window_index;
create index telemetry_window_of_track
  on telemetry_window (model, slot, window_millis, window_index);
create index telemetry_window_received on telemetry_window using brin (received_at);

-- Only of the streams that gates read bin by bin.
drop index telemetry_window_stream_index;
create index telemetry_window_stream_of_slot on telemetry_window_stream (model, slot, window_index);

-- Each model in a slot that windows of one length came of: what is judged by itself.
create table telemetry_track (
  slot          text not null,
  model         text not null,
  window_millis bigint not null,
  primary key (slot, model, window_millis)
);

create index telemetry_quarantine_device on telemetry_quarantine (device, id);
