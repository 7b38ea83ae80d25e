-- rollout_arm_sum: one row for all metrics of a group, arrays by the metric's number, as in rollout_arm. A row for each
-- metric made ten times as many rows as there are groups, at each batch of windows and at each look at them.
create table arm_sum (
  rollout        text not null,
  stage          integer not null,
  slot           text not null,
  profile        text not null,
  newer          boolean not null,
  own            boolean not null,
  devices        bigint[] not null,
  trials         double precision[] not null,
  hits           double precision[] not null,
  trials_squared double precision[] not null,
  product        double precision[] not null,
  hits_squared   double precision[] not null
);

-- Each by itself, in its metric's place: what is folded later brings them together.
insert into arm_sum
select rollout, stage, slot, profile, newer, own, array_fill(0::bigint, array[metric - 1]) || sum(devices)::bigint,
  array_fill(0::double precision, array[metric - 1]) || sum(trials),
  array_fill(0::double precision, array[metric - 1]) || sum(hits),
  array_fill(0::double precision, array[metric - 1]) || sum(trials_squared),
  array_fill(0::double precision, array[metric - 1]) || sum(product),
  array_fill(0::double precision, array[metric - 1]) || sum(hits_squared)
from rollout_arm_sum group by rollout, stage, slot, profile, newer, own, metric;
drop table rollout_arm_sum;
alter table arm_sum rename to rollout_arm_sum;
create index rollout_arm_sum_stage on rollout_arm_sum (rollout, stage);

create or replace function sum_added_arms() returns trigger language plpgsql as $$
begin
  insert into rollout_arm_sum
  select rollout, stage, slot, profile, newer, own, array_agg(devices order by i), array_agg(trials order by i),
    array_agg(hits order by i), array_agg(trials_squared order by i), array_agg(product order by i),
    array_agg(hits_squared order by i)
  from (
    select rollout, stage, slot, profile, newer, own, m.i, count(*) filter (where m.t > 0) as devices,
      coalesce(sum(m.t), 0) as trials, coalesce(sum(m.h), 0) as hits, coalesce(sum(m.t * m.t), 0) as trials_squared,
      coalesce(sum(m.t * m.h), 0) as product, coalesce(sum(m.h * m.h), 0) as hits_squared
    from added cross join unnest(trials, hits) with ordinality as m (t, h, i)
    group by 1, 2, 3, 4, 5, 6, 7) metrics
  group by 1, 2, 3, 4, 5, 6
  having sum(devices) > 0;
  return null;
end $$;

create or replace function sum_changed_arms() returns trigger language plpgsql as $$
begin
  insert into rollout_arm_sum
  select rollout, stage, slot, profile, newer, own, array_agg(devices order by i), array_agg(trials order by i),
    array_agg(hits order by i), array_agg(trials_squared order by i), array_agg(product order by i),
    array_agg(hits_squared order by i)
  from (
    select rollout, stage, slot, profile, newer, own, m.i, coalesce(sum(n) filter (where m.t > 0), 0) as devices,
      coalesce(sum(n * m.t), 0) as trials, coalesce(sum(n * m.h), 0) as hits,
      coalesce(sum(n * m.t * m.t), 0) as trials_squared, coalesce(sum(n * m.t * m.h), 0) as product,
      coalesce(sum(n * m.h * m.h), 0) as hits_squared
    from (
      select rollout, stage, slot, profile, newer, own, trials, hits, 1 as n from added
      union all
      select rollout, stage, slot, profile, newer, own, trials, hits, -1 from removed) changes
    cross join unnest(trials, hits) with ordinality as m (t, h, i)
    group by 1, 2, 3, 4, 5, 6, 7) metrics
  group by 1, 2, 3, 4, 5, 6
  having bool_or(devices <> 0 or trials <> 0 or hits <> 0 or trials_squared <> 0 or product <> 0
    or hits_squared <> 0);
  return null;
end $$;
