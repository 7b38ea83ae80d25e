package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Challenger against champion on the held-out examples of one slice.
 *
 * @param name the cohort, as in {@code site=b}
 */
public record SliceMetrics(
    String name,
    int examples,
    int positives,
    @Nullable SliceScore challenger,
    @Nullable SliceScore champion) {}
