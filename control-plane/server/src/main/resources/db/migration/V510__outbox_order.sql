-- Who waited longest comes first: without it every batch sorts the whole outbox.
create index desired_outbox_order on desired_outbox (queued_at);
