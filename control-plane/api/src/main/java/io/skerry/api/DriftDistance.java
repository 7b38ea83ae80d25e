package io.skerry.api;

import java.time.Instant;

/**
 * How far what a cohort counted of one stream in a judged window lies from what it counted while it
 * learned.
 *
 * @param windowMillis length of the window
 * @param cohort {@code attribute=value}, or {@code fleet}
 * @param stream a feature, or what is made of it: {@code $score}, {@code $class}, {@code $latency}
 *     and so on
 * @param devices that told of it in the window
 */
public record DriftDistance(
    String slot,
    String model,
    long windowMillis,
    long window,
    Instant start,
    String cohort,
    String stream,
    int devices,
    EffectMeasures effect) {}
