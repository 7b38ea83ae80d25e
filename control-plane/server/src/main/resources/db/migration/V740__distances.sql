-- How far each stream of each cohort lay from what it learned, by cohort and stream: kept as long as
-- the verdicts of its window are. Absent in windows that an earlier build judged.
alter table drift_window add column distances jsonb;
