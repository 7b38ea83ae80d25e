package io.skerry.api;

import java.time.Instant;

/**
 * A model file that a packaging tried for a profile, whether it won or not.
 *
 * @param profile id of the hardware profile
 * @param name of the file, one of its own in its profile
 * @param keptUntil when it is removed at the latest
 */
public record CandidateFile(String profile, String name, long bytes, Instant keptUntil) {}
