-- Servers that run jobs, each start one; open jobs of a start that is not here any more are lost.
create table job_server (
  id    text primary key,
  -- without a gap
  since timestamptz not null,
  until timestamptz not null
);
