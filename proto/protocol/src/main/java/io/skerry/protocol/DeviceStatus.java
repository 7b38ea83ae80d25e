package io.skerry.protocol;

import java.time.Instant;

/**
 * Birth or death of a device's connection, both on one topic.
 *
 * @param bootEpoch an offline status counts only when its epoch is the device's current one
 */
public record DeviceStatus(boolean online, long bootEpoch, Instant at) {}
