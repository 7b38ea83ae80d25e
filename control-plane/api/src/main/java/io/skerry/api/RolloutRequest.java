package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Asks for a rollout of a packaged version to every device whose hardware profile it has a variant
 * for.
 *
 * @param slot {@code main} when absent
 * @param stages cumulative percentages of the eligible devices, rising to 100; 10, 40, 100 when
 *     absent
 * @param soakWindows counting windows that a stage is watched; 2 when absent
 * @param windowMillis length of a counting window, 1,000 to 86,400,000; 60,000 when absent
 * @param onFailedDevices PAUSE, ABORT or ROLLBACK: what too many devices that fail the update do to
 *     the rollout; ROLLBACK when absent
 * @param sampling which predictions keep their input; .1 and 1 when absent
 */
public record RolloutRequest(
    String model,
    long version,
    @Nullable String slot,
    @Nullable List<StageRequest> stages,
    @Nullable Integer soakWindows,
    @Nullable Integer windowMillis,
    @Nullable String onFailedDevices,
    @Nullable SamplingRequest sampling) {
  public RolloutRequest {
    stages = stages == null ? null : List.copyOf(stages);
  }

  /**
   * One stage.
   *
   * @param percent cumulative share of the eligible devices, 1 to 100
   */
  public record StageRequest(int percent) {}

  /**
   * Shares of predictions that keep their input, 0 to 1.
   *
   * @param base of ordinary ones
   * @param notable of those with a low-confidence or anomalous input
   */
  public record SamplingRequest(double base, double notable) {}
}
