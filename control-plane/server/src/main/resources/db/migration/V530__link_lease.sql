-- Which of several servers talks to the broker outside.
create table link_lease (
  one boolean primary key default true check (one),
  holder text,
  until timestamptz not null
);
insert into link_lease (until) values ('-infinity');
