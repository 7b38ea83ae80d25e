-- Who belongs to a stage by cohort of a rollout that nobody joins later: labels may change before it
-- opens. Of rollouts that were begun before, only the labels say.
create table rollout_member (
  rollout text not null,
  stage   integer not null,
  device  text not null,
  primary key (rollout, device),
  foreign key (rollout, stage) references rollout_stage (rollout, stage)
);

alter table rollout_stage add column fixed boolean not null default false;
