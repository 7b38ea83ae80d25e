-- Which process sent the latest report, and when by its own clock: what device_instances would else have to keep at
-- every report of every device.
alter table device_report add column instance text not null default '';
alter table device_report add column told_at timestamptz;
