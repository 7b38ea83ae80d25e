-- How many were queued for an incident is asked again and again while it is open.
create index label_task_reason on label_task (reason);
