-- What a version did on a device is counted for each part of a unit by itself. Of units under way only the
-- sum is known: their open stage is seen from now on.
alter table rollout_arm add column slot text not null default '';
update rollout_arm arm set slot = rollout.slots[1] from rollout
where rollout.id = arm.rollout and cardinality(rollout.slots) = 1;
delete from rollout_arm where slot = '';
alter table rollout_arm alter column slot drop default;
alter table rollout_arm drop constraint rollout_arm_pkey;
alter table rollout_arm add primary key (rollout, stage, slot, device, newer);
