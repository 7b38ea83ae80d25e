package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;

/**
 * One prediction whose actual outcome is known.
 *
 * @param score 0 to 1
 * @param positive the actual outcome
 */
public record Outcome(DeviceId device, double score, boolean positive) {}
