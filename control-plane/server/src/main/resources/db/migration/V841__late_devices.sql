-- Who gets a version after its rollout's success is judged by itself.
alter table deployment add column late boolean not null default false;
alter table deployment_count add column late boolean not null default false;

create or replace function count_added_deployments() returns trigger language plpgsql as $$
begin
  insert into deployment_count
    (rollout, stage, profile, state, online, replacing, late, devices)
  select rollout, stage, profile, state, online, replacing, late, count(*) from added
  group by 1, 2, 3, 4, 5, 6, 7;
  return null;
end $$;

create or replace function count_removed_deployments() returns trigger language plpgsql as $$
begin
  insert into deployment_count
    (rollout, stage, profile, state, online, replacing, late, devices)
  select rollout, stage, profile, state, online, replacing, late, -count(*) from removed
  group by 1, 2, 3, 4, 5, 6, 7;
  return null;
end $$;

create or replace function count_changed_deployments() returns trigger language plpgsql as $$
begin
  insert into deployment_count
    (rollout, stage, profile, state, online, replacing, late, devices)
  select rollout, stage, profile, state, online, replacing, late, sum(n) from (
    select rollout, stage, profile, state, online, replacing, late, 1 as n from added
    union all
    select rollout, stage, profile, state, online, replacing, late, -1 from removed) changes
  group by 1, 2, 3, 4, 5, 6, 7 having sum(n) <> 0;
  return null;
end $$;

-- Of what is followed still: who is not at an end. When it was ordered tells nothing, for that moves on with each return.
update deployment d set late = true
from rollout r
where r.id = d.rollout and r.phase = 'SUCCEEDED' and not r.released
  and d.state not in ('COMMITTED', 'ALREADY_INSTALLED', 'REJECTED',
    'FAILED', 'TIMED_OUT', 'ROLLED_BACK', 'REMOVED', 'NOT_ELIGIBLE', 'CANCELLED');
