package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Asks for predictions to be queued for labelling.
 *
 * @param cohort {@code attribute=value}; all devices when absent
 * @param count at most, 1 to 1,000
 */
public record LabelRequest(String model, @Nullable String cohort, int count, String reason) {}
