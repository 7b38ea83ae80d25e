-- rollout: of the open stage, devices that were there and are away, of the new version and of untouched ones; counted anew every few windows.
alter table rollout_stage add column lost jsonb not null default '[]';
