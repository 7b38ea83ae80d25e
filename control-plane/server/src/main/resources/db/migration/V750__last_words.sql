-- Which process sent the latest report, and when by its own clock: what device_instances would else have to keep at
-- every report of every device. A clock may be wrong by any number of years: milliseconds, as they were sent.
alter table device_report add column instance text not null default '';
alter table device_report add column told_millis bigint not null default 0;
