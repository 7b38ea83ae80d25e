-- What was held back because its cause was told a short while ago is told where it lasts.
create index alert_delivery_grouped on alert_delivery (next_at) where state = 'GROUPED';
