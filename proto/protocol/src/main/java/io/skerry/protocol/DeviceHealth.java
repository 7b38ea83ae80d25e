package io.skerry.protocol;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * How an agent itself is.
 *
 * @param instance random, new with every start of the agent: two of them at a time under one name
 *     are a copied key; empty when the agent tells none
 * @param damaged records that could not be read back from the device's disk, by stream
 * @param spoolBytes disk that waiting records take
 * @param rootVersion version of the root document that the device believes; 0 = none yet
 * @param snapshotVersion version of the snapshot that the device believes; 0 = none yet
 * @param certificateExpires end of the device's certificate
 * @param takenOver times that another client took over this device's session since the start
 */
public record DeviceHealth(
    String instance,
    Map<RecordStream, Long> damaged,
    long spoolBytes,
    int rootVersion,
    long snapshotVersion,
    Optional<Instant> certificateExpires,
    long takenOver) {
  /** Characters that an instance can have. */
  public static final int INSTANCE_CHARS_MAX = 32;

  /** Of an agent that tells nothing of itself. */
  public static final DeviceHealth UNKNOWN =
      new DeviceHealth("", Map.of(), 0, 0, 0, Optional.empty(), 0);

  /**
   * Checks the instance.
   *
   * @throws IllegalArgumentException if it is longer than {@link #INSTANCE_CHARS_MAX}
   */
  public DeviceHealth {
    if (instance.length() > INSTANCE_CHARS_MAX) {
      throw new IllegalArgumentException(
          "instance has %d characters, at most %d are allowed"
              .formatted(instance.length(), INSTANCE_CHARS_MAX));
    }
    damaged = Map.copyOf(damaged);
  }
}
