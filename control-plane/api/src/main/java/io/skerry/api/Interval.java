package io.skerry.api;

/** A measured value with its confidence interval. */
public record Interval(double value, double low, double high) {}
