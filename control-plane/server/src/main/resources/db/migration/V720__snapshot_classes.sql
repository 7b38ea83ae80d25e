-- Labels name classes from 0; until now there were two.
alter table snapshot add column classes integer not null default 2;
