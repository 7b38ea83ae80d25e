package io.skerry.telemetry.drift;

/**
 * How far what a cohort counted of one stream in a window lies from what it counted while it
 * learned.
 *
 * @param stream a feature, or what the model and the device make: {@code $score}, {@code $class},
 *     {@code $latency} and so on
 * @param devices that told of it
 * @param size with n; without a shift of the mean, which a {@link StreamVerdict} tells
 */
public record StreamDistance(Cohort cohort, String stream, int devices, EffectSize size) {}
