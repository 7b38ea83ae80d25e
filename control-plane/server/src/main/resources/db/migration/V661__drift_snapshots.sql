-- What the judging of a track rests on after a window: a server that starts goes on from here and judges only what came since again. The
-- newest two are kept. A part is up to 1 MiB of numbers, which nothing would make smaller.
create table drift_snapshot (
  slot          text not null,
  model         text not null,
  window_millis bigint not null,
  through       bigint not null,
  versions      jsonb not null,
  releases      bigint[] not null,
  made_at       timestamptz not null default now(),
  primary key (slot, model, window_millis, through),
  foreign key (slot, model, window_millis) references drift_track on delete cascade
);

create table drift_snapshot_part (
  slot          text not null,
  model         text not null,
  window_millis bigint not null,
  through       bigint not null,
  part          integer not null,
  bytes         bytea not null,
  primary key (slot, model, window_millis, through, part),
  foreign key (slot, model, window_millis, through) references drift_snapshot on delete cascade
);
alter table drift_snapshot_part alter column bytes set storage external;

-- Records of earlier windows that a window was judged with, for they came too late for their own; null where such records took no part.
alter table drift_window add column late bigint;
