-- rollout: how many are in rollout_outsider; of rollouts that were over before those were kept, how many there were at the start.
alter table rollout add column outsiders integer not null default 0;
update rollout set outsiders = case when released then coalesce((definition->>'notEligible')::integer, 0)
  else (select count(*) from rollout_outsider outsider where outsider.rollout = rollout.id) end;
alter table rollout alter column outsiders drop default;
