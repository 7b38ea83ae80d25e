-- How sure a version was of the class that it named: what accuracy without outcomes is calibrated by
-- when there are more than two classes.
alter table telemetry_prediction add column confidence double precision;
alter table telemetry_feedback add column confidence double precision;

-- Whether the counts are of confidences, instead of the positive class's scores.
alter table drift_score add column confidence boolean not null default false;

alter table incident add column estimate jsonb;
-- What it has paged for last.
alter table incident add column paged text;
-- The last window whose scores are in incident_score.
alter table incident add column scored_through bigint not null default -1;

-- Scores of an incident's cohort and version, of each device, in the windows before the onset and since.
create table incident_score (
  incident   bigint not null references incident on delete cascade,
  device     text not null,
  profile    text not null,
  since      boolean not null,
  confidence boolean not null,
  counts     bigint[] not null,
  primary key (incident, device, profile, since, confidence)
);
