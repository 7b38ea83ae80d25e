package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * What somebody says of a prediction.
 *
 * @param decision accept (it was right), correct (it was {@code label}) or reject (nobody can tell)
 * @param label what it really was; needed to correct
 */
public record LabelDecision(String decision, @Nullable Double label) {}
