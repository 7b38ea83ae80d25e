-- Nobody read them, and every report wrote them. Which agent a device runs stays, for whoever looks
-- after the fleet.
alter table device_report
  drop column at,
  drop column received_at,
  drop column applied_term,
  drop column applied_counter;
alter table device_slot_report drop column target_manifest;
