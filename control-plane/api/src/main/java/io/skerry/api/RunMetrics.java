package io.skerry.api;

import org.jspecify.annotations.Nullable;

/** What a training run measured on the test split. */
public record RunMetrics(
    Interval rocAuc,
    Interval prAuc,
    Interval accuracy,
    Interval balancedAccuracy,
    SplitCounts examples,
    SplitCounts positives,
    double seconds,
    @Nullable SliceMetrics slice) {}
