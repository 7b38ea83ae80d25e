-- Another rollout has taken its place: nobody joins it any more, also when it is followed again.
alter table rollout add column replaced boolean not null default false;
update rollout set replaced = released;
