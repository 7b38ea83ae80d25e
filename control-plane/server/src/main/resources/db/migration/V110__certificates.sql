-- ca: every certificate that a device got. Not bound to the device's row: a removed device's
-- certificates stay revoked.
create table device_certificate (
  serial text primary key,
  tenant text not null,
  device text not null,
  fingerprint text not null unique,
  key_sha256 text not null,
  csr_sha256 text not null,
  pem text not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  issued_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text
);
create index device_certificate_device on device_certificate (device, issued_at);
