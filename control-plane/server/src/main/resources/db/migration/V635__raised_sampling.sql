-- How much more often than ordered a slot samples while an incident of its cohort is open. Stands
-- beside the ordered rates, so that a newer order keeps it, and its end finds the rates unchanged.
alter table desired_slot add column sampling_factor double precision not null default 1;
create index desired_slot_raised on desired_slot (device) where sampling_factor <> 1;
