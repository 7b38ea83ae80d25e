-- device: when what decides of its part in rollouts was last another: its labels, its profile, its engines.
alter table device add column described_at timestamptz;
update device set described_at = enrolled_at;
alter table device alter column described_at set default clock_timestamp();
alter table device alter column described_at set not null;
create index device_described on device (described_at);
drop index device_enrolled;

create function describe_device() returns trigger language plpgsql as $$
begin
  new.described_at := clock_timestamp();
  return new;
end $$;

create trigger device_described before update of labels, profile, facts on device
  for each row when (old.labels is distinct from new.labels or old.profile is distinct from new.profile
    or old.facts->'engines' is distinct from new.facts->'engines')
  execute function describe_device();

-- rollout: the engine of each variant, as it was when the rollout was written down; empty where that is not known.
alter table rollout_variant add column engine text not null default '';
update rollout_variant of set engine = variant.engine from variant
where variant.model = of.model and variant.version = of.version and variant.profile = of.profile
  and variant.manifest = of.manifest and variant.winner;
alter table rollout_variant alter column engine drop default;

-- Who was there when a rollout was written down and is in no stage, and why.
create table rollout_outsider (
  rollout text not null references rollout (id),
  device  text not null,
  reason  text not null,
  primary key (rollout, device)
);

-- Of rollouts that go on, as far as it can still be told: stages that open later take nobody else.
insert into rollout_outsider
select rollout.id, device.id, coalesce('the version has no variant for profile ' || device.profile,
  'its hardware matches no profile')
from rollout join device on device.enrolled_at <= rollout.created_at
where not rollout.released and coalesce(device.profile <> all(rollout.profiles), true)
  and not exists (select from deployment
    where deployment.rollout = rollout.id and deployment.device = device.id);
