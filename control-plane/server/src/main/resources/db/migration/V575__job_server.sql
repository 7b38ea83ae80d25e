-- Which of several servers runs a job; null: from before there could be several.
alter table job add column server text;
