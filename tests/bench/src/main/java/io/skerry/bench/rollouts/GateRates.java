package io.skerry.bench.rollouts;

import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.rollout.Pace;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageRule;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** How often the gates are wrong: simulated rollouts with and without harm. */
public final class GateRates {
  /** Three stages of a thousand devices, a tenth of them held back, every gate at its default. */
  public static final RolloutPlan PLAN = plan(10, 50, 100);

  /** The same, whose second stage is a tenth of the first: what it suffers drowns in that. */
  public static final RolloutPlan DILUTED = plan(50, 55, 100);

  private GateRates() {}

  private static RolloutPlan plan(int... percents) {
    return new RolloutPlan(
        new RolloutKind.Replace(),
        Arrays.stream(percents).mapToObj(StageRule::percent).toList(),
        new RolloutPlan.Limits(100, Pace.UNLIMITED, Integer.MAX_VALUE, 500, List.of()),
        false,
        Duration.ofMinutes(2),
        RolloutPlan.Deadlines.DEFAULTS,
        RolloutPlan.Approval.NONE,
        GateSettings.DEFAULTS);
  }

  /**
   * Shares of rollouts.
   *
   * @param wronglyStopped aborted or rolled back
   * @param promoted past every stage
   * @param past promoted past the stage that the harm begins in; without harm, past the first
   * @param stageMinutes median and longest time of each stage that passed
   */
  public record Rates(
      int rollouts, int wronglyStopped, int promoted, int past, List<Double> stageMinutes) {
    /** Of the rollouts. */
    public double share(int count) {
      return (double) count / rollouts;
    }

    /** Times of a stage in words. */
    public String minutes() {
      List<Double> sorted = stageMinutes.stream().sorted().toList();
      return sorted.isEmpty()
          ? "no stage ended"
          : "stages took %.0f min (median), %.0f (longest)"
              .formatted(sorted.get(sorted.size() / 2), sorted.getLast());
    }
  }

  /** Runs so many rollouts by a plan. */
  public static Rates of(RolloutPlan plan, SimulatedRollout.Harm harm, int rollouts) {
    return of(plan, harm, 0, rollouts);
  }

  /** The same where such a share of the devices fails the update before others succeed. */
  public static Rates of(
      RolloutPlan plan, SimulatedRollout.Harm harm, double rejected, int rollouts) {
    List<SimulatedRollout.Outcome> outcomes =
        IntStream.range(0, rollouts)
            .parallel()
            .mapToObj(
                seed ->
                    new SimulatedRollout(
                            plan, harm, rejected, 1000L * harm.name().hashCode() + seed)
                        .run())
            .toList();
    int stopped = 0;
    int promoted = 0;
    int past = 0;
    List<Double> minutes = new ArrayList<>();
    for (SimulatedRollout.Outcome outcome : outcomes) {
      switch (outcome.phase()) {
        case RolloutPhase.Succeeded _ -> promoted++;
        case RolloutPhase.RollingBack _, RolloutPhase.RolledBack _ -> stopped++;
        case RolloutPhase.Aborting _, RolloutPhase.Aborted _ -> stopped++;
        case RolloutPhase.Draft _, RolloutPhase.WaitingForApproval _, RolloutPhase.Ready _ -> {}
        case RolloutPhase.Running _, RolloutPhase.Paused _, RolloutPhase.Superseded _ -> {}
      }
      past += outcome.stagesPassed() > harm.stage() ? 1 : 0;
      minutes.addAll(outcome.stageMinutes());
    }
    return new Rates(rollouts, stopped, promoted, past, minutes);
  }
}
