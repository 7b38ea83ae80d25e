-- All that was measured of a candidate. Of one engine and precision there may be several: with some
-- layers in float, too. roc_auc is what servers of an earlier build wrote.
alter table variant
  add column place integer not null default 0,
  add column options text[] not null default '{}',
  add column quality text,
  add column p99_micros double precision,
  add column load_millis double precision,
  add column peak_memory_bytes bigint,
  drop constraint variant_pkey,
  add primary key (model, version, profile, engine, precision, place);
