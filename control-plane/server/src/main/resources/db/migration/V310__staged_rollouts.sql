-- device: what an ordered version is for, and which slots change together.
alter table desired_slot add column mode text not null default 'ACTIVE';
alter table desired_slot add column beside text;
alter table desired_slot add column share double precision not null default 0;
alter table desired_slot add column unit text;
create index device_enrolled on device (enrolled_at);

-- rollout: cohorts are named selectors: every label of the selector must be the device's.
create table cohort (
  name       text primary key,
  selector   jsonb not null,
  created_by text not null,
  created_at timestamptz not null
);

-- Rollouts of builds before the first release are not carried over.
drop table deployment;
drop table rollout_stage;
drop table rollout;

create table rollout (
  id              text primary key,
  model           text not null,
  version         bigint not null,
  slots           text[] not null,
  profiles        text[] not null,
  definition      jsonb not null,
  state           jsonb not null,
  phase           text not null,
  stage           integer not null,
  stage_opened_at timestamptz,
  -- Grows with every change of the state: the ETag.
  revision        bigint not null,
  start_millis    bigint not null,
  step_millis     bigint not null,
  progress_millis bigint not null,
  holdback_above  text not null,
  created_by      text not null,
  created_at      timestamptz not null,
  ended_at        timestamptz,
  -- Nothing more follows: not even late devices.
  released        boolean not null default false,
  lease_holder    text,
  lease_token     bigint not null default 0,
  lease_until     timestamptz
);
create index rollout_followed on rollout (created_at) where not released;

-- Which ranks a stage takes, and from which latency bin on a prediction is slow in it.
create table rollout_stage (
  rollout         text not null references rollout (id),
  stage           integer not null,
  -- Devices as far as known at the start.
  planned         integer not null,
  threshold       text not null,
  representatives text[] not null,
  edges           jsonb not null,
  primary key (rollout, stage)
);

-- The signed artifact of each part and profile, as it was at the start.
create table rollout_variant (
  rollout   text not null references rollout (id),
  slot      text not null,
  profile   text not null,
  model     text not null,
  version   bigint not null,
  manifest  text not null,
  signature text not null,
  primary key (rollout, slot, profile)
);

-- Events that changed a rollout: replaying them gives its state again.
create table rollout_event (
  rollout  text not null references rollout (id),
  sequence bigint not null,
  at       timestamptz not null,
  event    jsonb not null,
  primary key (rollout, sequence)
);

-- One device's part in a rollout; the rows of a stage are made when it opens. A removed device's
-- rows stay.
create table deployment (
  rollout      text not null references rollout (id),
  device       text not null,
  stage        integer not null,
  rank         text not null,
  profile      text not null,
  state        text not null,
  online       boolean not null,
  replacing    boolean not null default false,
  live         boolean not null default true,
  attempt      integer not null default 1,
  has_order    boolean not null default false,
  ordered_at   timestamptz,
  due_at       timestamptz,
  previous     jsonb not null default '{}',
  -- How its last attempt failed; stays when it is sent back.
  failed_as    text,
  error_code   text,
  error_detail text,
  primary key (rollout, device)
) with (fillfactor = 80);
create index deployment_next on deployment (rollout, stage, rank) where state = 'PENDING' and online;
create index deployment_state on deployment (rollout, state);
create index deployment_failed on deployment (rollout, stage) where failed_as is not null;
create index deployment_due on deployment (due_at) where due_at is not null;
create index deployment_live on deployment (device) where live;

-- Counts of devices as differences, added up when read and folded by the engine: whoever changes a
-- deployment changes its count in the same transaction and waits for nobody.
create table deployment_count (
  rollout   text not null,
  stage     integer not null,
  profile   text not null,
  state     text not null,
  online    boolean not null,
  replacing boolean not null,
  devices   bigint not null
);
create index deployment_count_rollout on deployment_count (rollout);

create function count_added_deployments() returns trigger language plpgsql as $$
begin
  insert into deployment_count
  select rollout, stage, profile, state, online, replacing, count(*) from added
  group by 1, 2, 3, 4, 5, 6;
  return null;
end $$;

create function count_removed_deployments() returns trigger language plpgsql as $$
begin
  insert into deployment_count
  select rollout, stage, profile, state, online, replacing, -count(*) from removed
  group by 1, 2, 3, 4, 5, 6;
  return null;
end $$;

create function count_changed_deployments() returns trigger language plpgsql as $$
begin
  insert into deployment_count
  select rollout, stage, profile, state, online, replacing, sum(n) from (
    select rollout, stage, profile, state, online, replacing, 1 as n from added
    union all
    select rollout, stage, profile, state, online, replacing, -1 from removed) changes
  group by 1, 2, 3, 4, 5, 6 having sum(n) <> 0;
  return null;
end $$;

create trigger deployment_added after insert on deployment
  referencing new table as added for each statement execute function count_added_deployments();
create trigger deployment_removed after delete on deployment
  referencing old table as removed for each statement execute function count_removed_deployments();
create trigger deployment_changed after update on deployment
  referencing old table as removed new table as added
  for each statement execute function count_changed_deployments();

-- What one version did on one device since its stage opened: trials and hits per metric, at the number
-- of fleet.gate.Metric.
create table rollout_arm (
  rollout    text not null,
  stage      integer not null,
  device     text not null,
  newer      boolean not null,
  profile    text not null,
  trials     double precision[] not null,
  hits       double precision[] not null,
  boot_epoch bigint not null,
  primary key (rollout, stage, device, newer)
) with (fillfactor = 70);

-- Says that a rollout's arms have changed; the engine takes the rows and looks again.
create table rollout_arm_change (
  rollout text not null
);
