package io.skerry.protocol;

import java.time.Instant;

/**
 * Birth or death of a device's connection, both on one topic.
 *
 * @param bootEpoch an offline status counts only when its epoch is the device's current one
 * @param instance as in {@link DeviceHealth}
 */
public record DeviceStatus(boolean online, long bootEpoch, Instant at, String instance) {
  /**
   * Checks the instance.
   *
   * @throws IllegalArgumentException if it is longer than {@link DeviceHealth#INSTANCE_CHARS_MAX}
   */
  public DeviceStatus {
    if (instance.length() > DeviceHealth.INSTANCE_CHARS_MAX) {
      throw new IllegalArgumentException(
          "instance has %d characters, at most %d are allowed"
              .formatted(instance.length(), DeviceHealth.INSTANCE_CHARS_MAX));
    }
  }
}
