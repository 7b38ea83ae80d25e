-- What is to be erased, told before anything is: who stores something takes nothing of it any more.
create table erasure_order (
  number       bigint generated always as identity primary key,
  id           text not null unique,
  tenant       text not null,
  device       text,
  subject      text,
  requested_at timestamptz not null
);
create index erasure_order_device on erasure_order (device) where device is not null;
create index erasure_order_subject on erasure_order (subject) where subject is not null;

insert into erasure_order (id, tenant, device, subject, requested_at)
select id, tenant, device, subject, requested_at from erasure order by requested_at;

-- Records that came after their device or subject was erased.
insert into telemetry_counter (name, value) values ('erased', 0) on conflict do nothing;
