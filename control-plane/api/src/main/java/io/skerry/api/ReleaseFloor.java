package io.skerry.api;

/**
 * The lowest release of a model that devices may begin. Floors only rise.
 *
 * @param counter release counter, from 1 to that of the model's newest release
 */
public record ReleaseFloor(String model, long counter) {}
