-- What a silence held back is told at its end, like what was grouped.
create index alert_delivery_held on alert_delivery (next_at) where state in ('GROUPED', 'SILENCED');
drop index alert_delivery_grouped;
