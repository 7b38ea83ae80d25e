-- When devices were heard last, by whichever server; null where nobody knows.
create table heard (
  one boolean primary key default true check (one),
  at timestamptz
);
insert into heard default values;
