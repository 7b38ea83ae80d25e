-- What devices' software was before and is since, as they told it: a fact that was not told before is
-- no change. A device that tells something else again and again keeps its newest.
create table device_change (
  id     bigint generated always as identity primary key,
  device text not null references device on delete cascade,
  at     timestamptz not null default now(),
  what   text not null,
  before text not null,
  after  text not null
);
create index device_change_device on device_change (device, id);
create index device_change_at on device_change (at);

create function keep_device_change(changed text, what text, before text, after text)
returns void language plpgsql as $$
begin
  if coalesce(before, '') in ('', '[]') or coalesce(after, '') in ('', '[]') or before = after then
    return;
  end if;
  insert into device_change (device, what, before, after)
  values (changed, what, left(before, 400), left(after, 400));
  delete from device_change c where c.device = changed and (c.at < now() - interval '90 days'
    or c.id <= (select n.id from device_change n where n.device = changed
      order by n.id desc offset 50 limit 1));
end $$;

-- What the agent runs on, as it says; empty while it says nothing.
alter table device_report add column system text not null default '';
alter table device_report add column runtime text not null default '';

create function keep_changed_facts() returns trigger language plpgsql as $$
begin
  perform keep_device_change(new.id, key, old.facts ->> key, new.facts ->> key)
  from unnest(array['engines', 'accelerators']) as key;
  return null;
end $$;
create trigger device_facts_changed after update of facts on device
  for each row when (old.facts is distinct from new.facts) execute function keep_changed_facts();

create function keep_changed_software() returns trigger language plpgsql as $$
begin
  perform keep_device_change(new.device, 'agent', old.agent_version, new.agent_version);
  perform keep_device_change(new.device, 'system', old.system, new.system);
  perform keep_device_change(new.device, 'runtime', old.runtime, new.runtime);
  return null;
end $$;
create trigger device_software_changed after update on device_report
  for each row when ((old.agent_version, old.system, old.runtime)
    <> (new.agent_version, new.system, new.runtime)) execute function keep_changed_software();

-- What happened to devices near an incident's onset, nearest first, and what the comparison of those
-- that it touched with the others said when the incident was opened.
create table incident_event (
  incident   bigint not null references incident on delete cascade,
  place      integer not null,
  event      jsonb not null,
  primary key (incident, place)
);
