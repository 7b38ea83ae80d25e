package io.skerry.api;

/**
 * Samples of one stratum that were chosen at their probability and not kept all the same: ring or
 * spool full, larger than a record, bytes used up meanwhile. By these the recorded inclusion
 * probabilities of the stratum are too high.
 *
 * @param device empty for all devices together
 * @param stratum base, rare-class, low-confidence or anomaly
 * @param kept samples of the stratum that came
 * @param refused samples that will not, as the windows that came tell
 */
public record RefusedSamples(
    String device, String model, long version, String stratum, long kept, long refused) {}
