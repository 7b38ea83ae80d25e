-- Jobs that have ended, and whose askers have not yet taken it in.
alter table job add column untold boolean not null default false;
create index job_untold on job (finished_at) where untold;
