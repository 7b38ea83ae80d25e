-- A version that is younger than a day at the onset has no hours of the day before to compare with.
alter table incident add column scored_by_hours boolean not null default true;
