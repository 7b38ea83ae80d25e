-- rollout: until when whoever tells of its end has time to do so; null when all were told.
alter table rollout add column tell_at timestamptz;
create index rollout_tell on rollout (tell_at) where tell_at is not null;
