-- When what was held back was told after all: its cause is quiet from then on.
alter table alert_delivery add column woken_at timestamptz;
