package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Asks for a training run.
 *
 * @param epochs 1 to 200; 6 when absent
 * @param seed 1 when absent
 */
public record RunRequest(
    String model, String snapshot, @Nullable Integer epochs, @Nullable Long seed) {}
