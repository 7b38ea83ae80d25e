package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A new silence; at least one of the first three.
 *
 * @param kind the beginning of kinds, as in {@code incident.}
 * @param cohort {@code attribute=value}, or several joined by {@code &}; cohorts that have all of
 *     them are covered
 * @param object an id
 */
public record AlertSilenceRequest(
    @Nullable String kind,
    @Nullable String cohort,
    @Nullable String object,
    Instant until,
    String reason) {}
