-- What the last replay of a track's own windows found, with attributes dealt anew among the devices.
create table drift_null_replay (
  slot          text not null,
  model         text not null,
  window_millis bigint not null,
  windows       bigint not null,
  incidents     integer not null,
  promised      double precision not null,
  replayed_at   timestamptz not null,
  primary key (slot, model, window_millis)
);
