-- Since when a device is away, so that its deadlines move on by that time; null also when nobody
-- knows: then they begin again.
alter table deployment add column away_since timestamptz;
