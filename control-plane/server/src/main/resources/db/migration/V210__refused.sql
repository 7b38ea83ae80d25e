-- A signature that devices refuse by now, because root gave the release role other keys.
alter table variant add column refused boolean not null default false;
