package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What happened to devices near a window of drift.
 *
 * @param kind ROLLOUT, or CHANGE of the devices' software as they told it
 * @param name the version that a rollout brought; of a change what is new: of {@code agent}, {@code
 *     system}, {@code runtime}, {@code engines} or {@code accelerators}
 * @param detail id and phase of the rollout, or what was before
 * @param at when it reached the first device
 * @param until when it had reached the last so far
 * @param window in which it began
 * @param devices of the cohort that it reached
 * @param check of a comparison with the devices that it did not reach; absent where none was made
 */
public record EventMark(
    String kind,
    String name,
    String detail,
    Instant at,
    Instant until,
    long window,
    int devices,
    @Nullable Check check) {
  /**
   * The change of the devices that an event reached less that of the others, each against its own
   * baseline: difference in differences.
   *
   * @param answer SUPPORTED, REFUTED, UNCLEAR or NOT_TESTABLE
   * @param difference in the unit of what moved
   * @param low end of its 95 % interval
   * @param high end of its 95 % interval
   * @param cohortShare of the cohort's devices that it reached, 0 to 1
   */
  public record Check(
      String answer, double difference, double low, double high, double cohortShare) {}
}
