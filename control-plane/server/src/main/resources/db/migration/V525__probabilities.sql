-- What is stored from now on stands for at most 10^6 predictions; earlier rows for no more either.
update telemetry_feedback set inclusion_probability = 1e-6 where inclusion_probability < 1e-6;
update telemetry_prediction set inclusion_probability = 1e-6 where inclusion_probability < 1e-6;
