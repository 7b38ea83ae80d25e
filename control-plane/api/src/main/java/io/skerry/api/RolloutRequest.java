package io.skerry.api;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Asks for a rollout of a packaged version to every device whose hardware profile it has a variant
 * for. The JSON schema of this, and of the YAML files of {@code skerry create rollout -f}, is
 * {@code rollout.schema.json} in this package.
 *
 * @param parts further models that change together with the first, all or none on each device
 * @param slot {@code main} when absent
 * @param kind REPLACE, AB or SHADOW; REPLACE when absent
 * @param share AB: of the predictions that the version answers, above 0 and below 1; .1 when absent
 * @param promote AB and SHADOW: whether a good verdict makes the version active; true when absent
 * @param stages 10, 40, 100 percent when absent
 * @param holdback devices kept on the old version as controls until every stage has passed
 * @param dynamic whether devices that enrol later, or that the version fits only later, join the
 *     stage that their rank falls into; else who gets it is fixed when the rollout is written down
 * @param soakWindows counting windows that a stage is watched; 2 when absent
 * @param windowMillis length of a counting window, 1,000 to 86,400,000; 60,000 when absent
 * @param inFlight devices under way at a time
 * @param catchUp late devices under way at a time; 500 when absent
 * @param pace how fast orders are given; as fast as possible when absent
 * @param windows when orders may be given; any time when absent
 * @param deadlines what ends waiting
 * @param onFailedDevices PAUSE, ABORT or ROLLBACK: what too many devices that fail the update do to
 *     the rollout; ROLLBACK when absent
 * @param gates changes to single gates
 * @param sampling which predictions keep their input; .1 and 1 when absent
 * @param approval whether somebody else than its author must approve it
 * @param draft whether it is only written down
 */
public record RolloutRequest(
    String model,
    long version,
    @Nullable String slot,
    @Nullable List<PartRequest> parts,
    @Nullable String kind,
    @Nullable Double share,
    @Nullable Boolean promote,
    @Nullable List<StageRequest> stages,
    @Nullable Integer holdback,
    @Nullable Boolean dynamic,
    @Nullable Integer soakWindows,
    @Nullable Integer windowMillis,
    @Nullable Integer inFlight,
    @Nullable Integer catchUp,
    @Nullable PaceRequest pace,
    @Nullable List<WindowRequest> windows,
    @Nullable DeadlinesRequest deadlines,
    @Nullable String onFailedDevices,
    @Nullable List<GateRequest> gates,
    @Nullable SamplingRequest sampling,
    @Nullable Boolean approval,
    @Nullable Boolean draft) {
  public RolloutRequest {
    parts = parts == null ? null : kept(parts);
    stages = stages == null ? null : kept(stages);
    windows = windows == null ? null : kept(windows);
    gates = gates == null ? null : kept(gates);
  }

  /** A further model of a unit. */
  public record PartRequest(String slot, String model, long version) {}

  /**
   * One stage: exactly one of percent, count, cohort and profile.
   *
   * @param percent cumulative share of the eligible devices, 1 to 100
   * @param count devices of this stage
   * @param cohort name of a cohort
   * @param profile id of a hardware profile
   * @param minimum never fewer devices than these
   * @param pauseAfter whether to wait for an operator once the stage has passed
   */
  public record StageRequest(
      @Nullable Integer percent,
      @Nullable Integer count,
      @Nullable String cohort,
      @Nullable String profile,
      @Nullable Integer minimum,
      @Nullable Boolean pauseAfter) {
    /** A stage by percentage. */
    public static StageRequest ofPercent(int percent) {
      return new StageRequest(percent, null, null, null, null, null);
    }
  }

  /**
   * A rate that grows.
   *
   * @param perMinute orders a minute at the beginning
   * @param factor by which the rate grows, 1 to 5; 1 when absent
   * @param every devices after which it grows; 1 when absent
   * @param by NOTIFIED or SUCCEEDED: what is counted for that; SUCCEEDED when absent
   * @param perMinuteMax the rate never exceeds this; no limit when absent
   */
  public record PaceRequest(
      double perMinute,
      @Nullable Double factor,
      @Nullable Integer every,
      @Nullable String by,
      @Nullable Double perMinuteMax) {}

  /**
   * A maintenance window.
   *
   * @param days MONDAY to SUNDAY; every day when absent
   * @param from clock time, for example {@code 22:00}
   * @param length for example {@code 4h}
   * @param zone for example {@code Europe/Oslo}; UTC when absent
   */
  public record WindowRequest(
      @Nullable List<String> days, String from, String length, @Nullable String zone) {
    public WindowRequest {
      days = days == null ? null : kept(days);
    }
  }

  /**
   * What ends waiting; each for example {@code 30m}.
   *
   * @param start for a device that does not begin
   * @param step for a device that has the version and stays in one step
   * @param progress for a device to have the version, and to go back
   * @param stage for offline devices, and for gates without a verdict
   */
  public record DeadlinesRequest(
      @Nullable String start,
      @Nullable String step,
      @Nullable String progress,
      @Nullable String stage) {}

  /**
   * A change to one gate; what is absent keeps its default. Of {@code device-failures} the limit is
   * the share of devices that may fail the update, and tolerance and promote say nothing.
   *
   * @param metric for example {@code failed-predictions}
   * @param tolerance largest harm that is acceptable, above 0 and at most 1
   * @param limit where too few run the version before: the share that is still good
   * @param promote HARM_RULED_OUT or NO_HARM_SHOWN: what lets a stage pass
   * @param action PAUSE, ABORT or ROLLBACK: what shown harm does
   * @param trialsMin trials before the gate says anything but harm
   */
  public record GateRequest(
      String metric,
      @Nullable Double tolerance,
      @Nullable Double limit,
      @Nullable String promote,
      @Nullable String action,
      @Nullable Long trialsMin) {}

  /**
   * Shares of predictions that keep their input, 0 to 1.
   *
   * @param base of ordinary ones
   * @param notable of those with a low-confidence or anomalous input
   */
  public record SamplingRequest(double base, double notable) {}

  // With what is null in it: the control plane says which element that is.
  private static <T> List<T> kept(List<T> elements) {
    return Collections.unmodifiableList(new ArrayList<>(elements));
  }
}
