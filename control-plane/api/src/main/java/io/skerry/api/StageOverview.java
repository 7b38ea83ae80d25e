package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * A stage of a rollout.
 *
 * @param index from 1
 * @param percent of the fleet that has the version when this stage is done
 */
public record StageOverview(
    int index,
    double percent,
    String state,
    int devices,
    int committed,
    int failed,
    @Nullable String verdict,
    @Nullable String reason) {}
