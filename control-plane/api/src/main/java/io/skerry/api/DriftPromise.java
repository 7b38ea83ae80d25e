package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How many false incidents are promised for one model in one slot, and what a replay of its own
 * windows found, in which devices swapped their attributes so that every incident is false.
 *
 * @param windowsPerFalseIncident at most one expected false incident of the whole fleet in so many
 *     windows
 * @param basis PROVEN, or EMPIRICAL where season or memory may break the proof's condition and the
 *     replay is the evidence
 * @param reason why it is empirical
 * @param replayedWindows judged after the learning period; absent before the first replay
 * @param falseIncidents that the replay opened
 * @param promised expected number of them at most
 * @param allowed number that is exceeded with a chance of 1 % where the promise is kept
 * @param kept whether the replay stayed within that
 */
public record DriftPromise(
    String slot,
    String model,
    long windowMillis,
    long windowsPerFalseIncident,
    String basis,
    String reason,
    @Nullable Long replayedWindows,
    @Nullable Integer falseIncidents,
    @Nullable Double promised,
    @Nullable Integer allowed,
    @Nullable Boolean kept,
    @Nullable Instant replayedAt) {}
