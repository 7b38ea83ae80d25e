-- Per slot, the range of the amounts that the new version says: what an error is a share of. Stages
-- that were open before judge as they did.
alter table rollout_stage add column amounts jsonb not null default '{}';
