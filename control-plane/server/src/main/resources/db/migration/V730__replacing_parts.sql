-- Slots of a rollout whose part takes the place of another version on some device: of a unit a part may be the
-- first in its slot beside one that is not.
alter table rollout add column replacing text[] not null default '{}';
update rollout set replacing = coalesce(
  (select array_agg(distinct slot order by slot)
    from deployment d, jsonb_object_keys(d.previous) slot where d.rollout = rollout.id), '{}')
where not released;
