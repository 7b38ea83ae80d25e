-- Scores since an incident's onset, of a day that is not over: only whole days are compared.
create table incident_score_today (
  incident   bigint not null references incident on delete cascade,
  device     text not null,
  profile    text not null,
  confidence boolean not null,
  counts     bigint[] not null,
  primary key (incident, device, profile, confidence)
);
