package io.skerry.api;

/**
 * Whether runs for a model start by themselves.
 *
 * @param automatic else they are only proposed
 * @param coolDownHours between two runs, 0 to 8,760
 * @param runsAMonth at most in 30 days, 0 to 1,000
 */
public record RetrainingPolicy(boolean automatic, int coolDownHours, int runsAMonth) {}
