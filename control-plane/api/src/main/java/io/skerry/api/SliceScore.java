package io.skerry.api;

import org.jspecify.annotations.Nullable;

/** How well one model does on a slice; a figure is absent when the slice cannot tell it. */
public record SliceScore(
    @Nullable Double rocAuc, @Nullable Double prAuc, @Nullable Double balancedAccuracy) {}
