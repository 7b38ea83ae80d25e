package io.skerry.packager.calibrate;

/** The smallest and largest value that a tensor is expected to take. */
public record Range(float minimum, float maximum) {}
