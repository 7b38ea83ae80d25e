-- What came to be harm by itself in the cohort of an incident that was open by then.
alter table incident add column broken jsonb;
