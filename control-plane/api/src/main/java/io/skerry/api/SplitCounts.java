package io.skerry.api;

/** How many examples of something are in each split. */
public record SplitCounts(int train, int validation, int test) {}
