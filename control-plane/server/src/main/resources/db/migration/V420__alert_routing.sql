alter table alert add column severity text not null default 'NOTE'
  check (severity in ('PAGE', 'TICKET', 'NOTE'));
-- What it is about, so that what comes again and again is told once.
alter table alert add column cause text not null default '';
alter table alert add column cohort text not null default '';
alter table alert add column resolved_at timestamptz;
create index alert_object on alert (object) where resolved_at is null;
create index alert_cause on alert (cause, at);

create table alert_route (
  name          text primary key,
  kind          text not null check (kind in ('WEBHOOK', 'MAIL', 'ALERTMANAGER')),
  url           text not null,
  secret        bytea,
  from_severity text not null check (from_severity in ('PAGE', 'TICKET', 'NOTE')),
  created_by    text not null,
  created_at    timestamptz not null
);

create table alert_silence (
  id         bigint generated always as identity primary key,
  kind       text not null,
  cohort     text not null,
  object     text not null,
  until      timestamptz not null,
  reason     text not null,
  created_by text not null,
  created_at timestamptz not null
);

-- What is told to whom; also the log of what was.
create table alert_delivery (
  id           bigint generated always as identity primary key,
  alert        bigint not null references alert (id) on delete cascade,
  route        text not null references alert_route (name) on delete cascade,
  state        text not null check (state in
    ('WAITING', 'REPEATING', 'DELIVERED', 'GIVEN_UP', 'SILENCED', 'GROUPED')),
  attempts     integer not null,
  next_at      timestamptz not null,
  answer       text not null,
  created_at   timestamptz not null,
  delivered_at timestamptz
);
create index alert_delivery_due on alert_delivery (next_at)
  where state in ('WAITING', 'REPEATING');
