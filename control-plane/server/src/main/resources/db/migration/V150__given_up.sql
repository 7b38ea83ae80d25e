-- ingest: records that a device said it will never send, dropped by its spool or damaged on its disk,
-- are no longer missing.
alter table ingest_ledger add column given_up bigint not null default 0;
alter table ingest_ledger add column damaged bigint not null default 0;
alter table ingest_ledger add column oldest_epoch bigint not null default 0;
