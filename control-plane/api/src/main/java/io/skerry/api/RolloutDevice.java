package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * A device of a rollout.
 *
 * @param stage from 0
 * @param attempt from 1; grows with every retry
 * @param error code and detail of what went wrong
 */
public record RolloutDevice(
    String device,
    int stage,
    String profile,
    String state,
    boolean online,
    int attempt,
    @Nullable String error) {}
