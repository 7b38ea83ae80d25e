-- Scores that were counted in a judged window, over all devices of a profile: what accuracy without
-- outcomes is estimated from.
create table drift_score (
  slot          text not null,
  model         text not null,
  window_millis bigint not null,
  window_index  bigint not null,
  version       bigint not null,
  profile       text not null,
  counts        bigint[] not null,
  primary key (slot, model, window_millis, window_index, version, profile),
  foreign key (slot, model, window_millis, window_index) references drift_window on delete cascade
);
create index drift_score_model on drift_score (model, (window_index * window_millis));

-- Judged windows are kept as long as the records that they were judged from.
create index drift_window_judged on drift_window using brin (received_until);
alter table drift_track add column forgotten_through bigint not null default -1;
