package io.skerry.protocol;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * How an agent itself is, and what it runs on.
 *
 * @param instance random, new with every start of the agent: two of them at a time under one name
 *     are a copied key; empty when the agent tells none
 * @param damaged records that could not be read back from the device's disk, by stream
 * @param spoolBytes disk that waiting records take
 * @param rootVersion version of the root document that the device believes; 0 = none yet
 * @param snapshotVersion version of the snapshot that the device believes; 0 = none yet
 * @param certificateExpires end of the device's certificate
 * @param takenOver times that another client took over this device's session since the start
 * @param system firmware, image and kernel, in words that change when they do; empty when unknown
 * @param runtime the version of Java; empty when unknown
 */
public record DeviceHealth(
    String instance,
    Map<RecordStream, Long> damaged,
    long spoolBytes,
    int rootVersion,
    long snapshotVersion,
    Optional<Instant> certificateExpires,
    long takenOver,
    String system,
    String runtime) {
  /** Characters that an instance can have. */
  public static final int INSTANCE_CHARS_MAX = 32;

  /** Characters that system and runtime can have each. */
  public static final int SOFTWARE_CHARS_MAX = 400;

  /** Of an agent that tells nothing of itself. */
  public static final DeviceHealth UNKNOWN =
      new DeviceHealth("", Map.of(), 0, 0, 0, Optional.empty(), 0);

  /** Of an agent that does not say what it runs on. */
  public DeviceHealth(
      String instance,
      Map<RecordStream, Long> damaged,
      long spoolBytes,
      int rootVersion,
      long snapshotVersion,
      Optional<Instant> certificateExpires,
      long takenOver) {
    this(
        instance,
        damaged,
        spoolBytes,
        rootVersion,
        snapshotVersion,
        certificateExpires,
        takenOver,
        "",
        "");
  }

  /**
   * Checks the texts.
   *
   * @throws IllegalArgumentException if the instance is longer than {@link #INSTANCE_CHARS_MAX}, or
   *     system or runtime than {@link #SOFTWARE_CHARS_MAX}
   */
  public DeviceHealth {
    if (instance.length() > INSTANCE_CHARS_MAX) {
      throw new IllegalArgumentException(
          "instance has %d characters, at most %d are allowed"
              .formatted(instance.length(), INSTANCE_CHARS_MAX));
    }
    if (Math.max(system.length(), runtime.length()) > SOFTWARE_CHARS_MAX) {
      throw new IllegalArgumentException(
          "system has %d characters, runtime %d; at most %d are allowed"
              .formatted(system.length(), runtime.length(), SOFTWARE_CHARS_MAX));
    }
    damaged = Map.copyOf(damaged);
  }
}
