package io.skerry.api;

/** How well one model does on a slice, with confidence intervals. */
public record SliceScore(Interval rocAuc, Interval prAuc, Interval balancedAccuracy) {}
