-- Which key a tenant's samples are sealed with, whatever file a server finds: HMAC-SHA-256 under it.
create table tenant_key (
  tenant text primary key,
  fingerprint text not null,
  known_since timestamptz not null default now()
);
