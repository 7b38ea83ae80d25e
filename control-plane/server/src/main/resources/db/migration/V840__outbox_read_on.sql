-- Many are queued at the same time: who reads on needs to know after whom.
drop index desired_outbox_order;
create index desired_outbox_order on desired_outbox (queued_at, device);
