-- A device that could not go back is ordered back again by itself: how often it was, and when it is next.
alter table deployment add column restores integer not null default 0;
alter table deployment add column again_at timestamptz;
create index deployment_again on deployment (rollout) where again_at is not null;
-- Who could not go back before had none of these tries yet.
update deployment set again_at = now() where state = 'RESTORE_FAILED' and live;
