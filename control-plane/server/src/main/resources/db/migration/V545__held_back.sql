-- Batches that were left on their devices because a tenant's key could not be read.
insert into telemetry_counter (name, value) values ('held_back', 0) on conflict do nothing;
