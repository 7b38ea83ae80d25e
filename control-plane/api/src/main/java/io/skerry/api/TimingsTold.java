package io.skerry.api;

/**
 * A report of timings was kept.
 *
 * @param profile id of the hardware profile that it is of
 * @param device what people know the device by
 * @param timings model files that it tells of, at least 1
 */
public record TimingsTold(String profile, String device, int timings) {}
