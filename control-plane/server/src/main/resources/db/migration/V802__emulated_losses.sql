-- Files that lost too much under emulation of a profile's kind of processor, until they are seen to lose no more: a packaging
-- that cannot emulate must not ship them.
create table emulated_loss (
  model          text not null,
  version        bigint not null,
  profile        text not null,
  file           text not null,
  reason         text not null,
  seen_at        timestamptz not null,
  primary key (model, version, profile, file),
  foreign key (model, version) references model_version (model, version)
);
create index emulated_loss_seen_at on emulated_loss (seen_at);
