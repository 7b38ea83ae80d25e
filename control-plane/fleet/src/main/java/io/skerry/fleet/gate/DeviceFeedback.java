package io.skerry.fleet.gate;

import io.skerry.protocol.DeviceId;

/**
 * Actual outcomes joined to one version's predictions on one device.
 *
 * @param negatives outcomes that were negative
 * @param negativesRight of them, predicted so
 * @param positives outcomes that were positive
 * @param positivesRight of them, predicted so
 */
public record DeviceFeedback(
    DeviceId device, long negatives, long negativesRight, long positives, long positivesRight) {}
