-- What each device was like from when until when: a prediction belongs to the cohorts that its device was in when it was made. Before the
-- first that is known of a device it is taken for that.
create view device_during as
  select device, labels, profile,
    case when lag(since) over of_device is null then '-infinity' else since end as since,
    coalesce(lead(since) over of_device, 'infinity') as until
  from device_attributes
  window of_device as (partition by device order by since);
