-- What a device was like when its windows were judged: judged again, they are judged by the same. A device that is removed, enrols
-- anew with other labels or gets another profile changes nothing of what was said before.
create table device_attributes (
  device  text not null,
  since   timestamptz not null,
  labels  jsonb not null,
  profile text,
  primary key (device, since)
);

insert into device_attributes (device, since, labels, profile)
  select id, '-infinity', labels, profile from device;

create function keep_device_attributes() returns trigger language plpgsql as $$
declare
  last device_attributes;
begin
  select * into last from device_attributes where device = new.id order by since desc limit 1;
  if last.device is null then
    insert into device_attributes values (new.id, '-infinity', new.labels, new.profile);
  elsif last.labels is distinct from new.labels or last.profile is distinct from new.profile then
    insert into device_attributes values (new.id, clock_timestamp(), new.labels, new.profile);
  end if;
  return null;
end $$;

create trigger device_added after insert on device
  for each row execute function keep_device_attributes();
create trigger device_changed after update of labels, profile on device
  for each row when (old.labels is distinct from new.labels or old.profile is distinct from new.profile)
  execute function keep_device_attributes();
