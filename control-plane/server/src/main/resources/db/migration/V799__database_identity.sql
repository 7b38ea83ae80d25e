-- Tells this database from any other, also after it was restored: files beside it say whose they are.
create table database_identity (
  one boolean primary key default true check (one),
  id uuid not null
);
insert into database_identity (id) values (gen_random_uuid());
