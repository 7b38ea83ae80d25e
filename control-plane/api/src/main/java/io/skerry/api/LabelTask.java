package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A prediction that somebody is asked to judge.
 *
 * @param predicted the class that was predicted; absent when the model has no score
 * @param reason why it is asked, for example {@code incident-3}
 * @param state OPEN, ACCEPTED, CORRECTED or REJECTED
 * @param label what it really was, once that was said
 */
public record LabelTask(
    String id,
    String device,
    String predictionId,
    String model,
    long version,
    Instant at,
    @Nullable Double score,
    @Nullable Double predicted,
    String reason,
    String state,
    @Nullable Double label,
    @Nullable String decidedBy,
    @Nullable Instant decidedAt) {}
