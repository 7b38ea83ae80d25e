-- ingest: boots of which a device says it has nothing left need no row each for ever.
alter table ingest_ledger add column ended_at timestamptz;
create index ingest_ledger_ended_at on ingest_ledger (ended_at) where ended_at is not null;

-- The sum of a device's folded boots: all of them, up to this one.
create table ingest_ledger_folded (
  device text not null references device on delete cascade,
  stream text not null,
  boot_epoch bigint not null,
  boots bigint not null,
  highest bigint not null,
  stored bigint not null,
  duplicates bigint not null,
  given_up bigint not null,
  damaged bigint not null,
  primary key (device, stream)
) with (fillfactor = 70);
