-- Evaluation items that a packaging ran under emulation: the next one of the profiles runs as many. Those of before did not
-- keep how many were asked for, only what they proved.
alter table packaging add column emulated_items integer not null default 0;
update packaging p set emulated_items = 400
where p.state = 'SUCCEEDED' and exists (
  select 1 from variant v
  where v.model = p.model and v.version = p.version and v.profile = any(p.profiles)
    and v.reason like '%; accuracy proved under %');
