package io.skerry.control.overview;

/**
 * One step of the loop in one figure.
 *
 * @param tone style class of the figure: good, bad, busy, warn or empty
 */
public record LoopStep(String name, String figure, String tone, String more) {}
