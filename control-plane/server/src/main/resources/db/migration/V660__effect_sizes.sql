-- What a finding was reached from, in its last window: its figures can be reached again when no window is kept any more.
alter table incident add column evidence jsonb;

-- Effect sizes have intervals. Of those stored before none is known: a distance lies between 0 and 1, and a shift is as uncertain as the
-- effect that it was told with.
update incident set finding = finding || jsonb_build_object('size', (finding -> 'size') || jsonb_build_object(
    'jensenShannon', jsonb_build_object('value', finding #> '{size,jensenShannon}', 'low', 0, 'high', 1),
    'wasserstein', jsonb_build_object('value', finding #> '{size,wasserstein}', 'low', 0, 'high', 1),
    'shiftSigma', jsonb_build_object(
      'value', finding #> '{size,shiftSigma}',
      'low', (finding #>> '{size,shiftSigma}')::float8
        - abs((finding #>> '{size,shiftSigma}')::float8) * coverage.half,
      'high', (finding #>> '{size,shiftSigma}')::float8
        + abs((finding #>> '{size,shiftSigma}')::float8) * coverage.half)))
  from (select number,
      coalesce(((finding #>> '{effect,high}')::float8 - (finding #>> '{effect,low}')::float8)
        / 2 / nullif(abs((finding #>> '{effect,value}')::float8), 0), 0) as half
    from incident) coverage
  where coverage.number = incident.number and jsonb_typeof(finding #> '{size,shiftSigma}') = 'number';
