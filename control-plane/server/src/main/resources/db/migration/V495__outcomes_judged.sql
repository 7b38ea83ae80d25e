-- How many outcomes a window was judged from, so that it is known when some are gone; null where that
-- was not counted.
alter table drift_window add column outcomes bigint;
