-- rollout_arm: whether the stage is the device's own, as far as that counts: of a control nobody asks. And the boot
-- epochs of the windows that were counted together last, from which a conflict counts restarts.
alter table rollout_arm add column own boolean not null default false;
alter table rollout_arm add column batch_epochs bigint[] not null default '{}';
update rollout_arm arm set own = true from deployment d
where d.rollout = arm.rollout and d.device = arm.device and d.stage = arm.stage;

-- What gates read of a stage's arms: per metric, the sums over devices that have trials. As differences, like
-- deployment_count: whoever counts an arm adds what that changed in the same transaction and waits for nobody; added up
-- when read and folded by the engine.
create table rollout_arm_sum (
  rollout        text not null,
  stage          integer not null,
  slot           text not null,
  profile        text not null,
  newer          boolean not null,
  own            boolean not null,
  metric         integer not null,
  devices        bigint not null,
  trials         double precision not null,
  hits           double precision not null,
  trials_squared double precision not null,
  product        double precision not null,
  hits_squared   double precision not null
);
create index rollout_arm_sum_stage on rollout_arm_sum (rollout, stage);

insert into rollout_arm_sum
select arm.rollout, arm.stage, arm.slot, arm.profile, arm.newer, arm.own, m.i, count(*),
  sum(m.t), sum(m.h), sum(m.t * m.t), sum(m.t * m.h), sum(m.h * m.h)
from rollout_arm arm
join rollout on rollout.id = arm.rollout and rollout.ended_at is null
cross join unnest(arm.trials, arm.hits) with ordinality as m (t, h, i)
where m.t > 0 group by 1, 2, 3, 4, 5, 6, 7;

create function sum_added_arms() returns trigger language plpgsql as $$
begin
  insert into rollout_arm_sum
  select rollout, stage, slot, profile, newer, own, m.i, count(*),
    sum(m.t), sum(m.h), sum(m.t * m.t), sum(m.t * m.h), sum(m.h * m.h)
  from added cross join unnest(trials, hits) with ordinality as m (t, h, i)
  where m.t > 0 group by 1, 2, 3, 4, 5, 6, 7;
  return null;
end $$;

create function sum_changed_arms() returns trigger language plpgsql as $$
begin
  insert into rollout_arm_sum
  select rollout, stage, slot, profile, newer, own, m.i, sum(n),
    sum(n * m.t), sum(n * m.h), sum(n * m.t * m.t), sum(n * m.t * m.h), sum(n * m.h * m.h)
  from (
    select rollout, stage, slot, profile, newer, own, trials, hits, 1 as n from added
    union all
    select rollout, stage, slot, profile, newer, own, trials, hits, -1 from removed) changes
  cross join unnest(trials, hits) with ordinality as m (t, h, i)
  where m.t > 0 group by 1, 2, 3, 4, 5, 6, 7
  having sum(n) <> 0 or sum(n * m.t) <> 0 or sum(n * m.h) <> 0;
  return null;
end $$;

-- None for what is deleted: arms go long after their rollout's end, and their sums before them.
create trigger rollout_arm_added after insert on rollout_arm
  referencing new table as added for each statement execute function sum_added_arms();
create trigger rollout_arm_changed after update on rollout_arm
  referencing old table as removed new table as added
  for each statement execute function sum_changed_arms();
