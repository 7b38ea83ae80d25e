package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Challenger against champion on the held-out examples of one slice.
 *
 * <p>A score is absent when the slice has one outcome only: no data is never a result.
 *
 * @param name the cohort, as in {@code site=b}
 */
public record SliceMetrics(
    String name,
    int examples,
    int positives,
    @Nullable SliceScore challenger,
    @Nullable SliceScore champion) {}
