package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A training run.
 *
 * @param version the version that its model was registered as, once it succeeded
 * @param incident the incident that asked for it
 */
public record Run(
    String id,
    WorkState state,
    String model,
    String snapshot,
    int epochs,
    long seed,
    Instant createdAt,
    @Nullable Instant finishedAt,
    @Nullable Progress progress,
    @Nullable Long version,
    @Nullable RunMetrics metrics,
    @Nullable String incident,
    @Nullable WorkError error) {}
