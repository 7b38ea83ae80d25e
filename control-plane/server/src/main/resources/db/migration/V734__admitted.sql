-- rollout: until when the devices were looked at for newcomers of a dynamic one.
alter table rollout add column admitted_at timestamptz;
update rollout set admitted_at = created_at;
alter table rollout alter column admitted_at set default now();
alter table rollout alter column admitted_at set not null;
