-- The list of incidents, open ones first, read page by page.
create index incident_in_order on incident ((state = 'RESOLVED'), (-number));
