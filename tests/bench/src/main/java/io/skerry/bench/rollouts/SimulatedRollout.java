package io.skerry.bench.rollouts;

import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.LatencyEdge;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageMembership;
import io.skerry.fleet.rollout.StageState;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;

/**
 * One rollout on devices that are statistics per minute, decided by the real machine and gates.
 *
 * <p>Every device answers one prediction a second; outcomes of a tenth are known a minute later.
 * Devices differ lastingly, by a fifth in their failure rate and by half a point in accuracy.
 */
public final class SimulatedRollout {
  public static final int DEVICES = 1000;

  private static final ProfileId PROFILE = new ProfileId("x86-64-avx2");
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private static final int PREDICTIONS = 60;
  private static final int OUTCOMES = 6;

  /** Share of predictions that fail with any version. */
  private static final double FAILURES = .01;

  private static final double ACCURACY = .95;
  // Latencies are log-normal with a median of 4 ms.
  private static final double LATENCY_LOG_MEDIAN = Math.log(4000);
  private static final double LATENCY_LOG_SD = .5;
  // All of them in one bin.
  private static final double LATENCY_LOG_SD_NARROW = .005;
  private static final int LATENCY_BINS = 48;
  private static final int LONGEST_MINUTES = 600;
  // Of what is summed over devices.
  private static final int EARLIER_STAGES = 0;
  private static final int OPEN_STAGE = 1;
  private static final int CONTROLS = 2;

  private final RolloutPlan plan;
  private final Harm harm;
  private final SplittableRandom random;
  private final List<Device> devices = new ArrayList<>();
  private final Map<Metric, ArmSums[]> sums = new EnumMap<>(Metric.class);
  private final double slowBefore;
  private final double slowAfter;
  private RolloutState state;
  private Instant now = START;

  /** What the new version does. */
  public enum Harm {
    NONE(0, 1, 0),
    /** Five points more predictions fail. */
    FAILURES(.05, 1, 0),
    /** The same, but for devices of the first stage. */
    FAILURES_LATER(.05, 1, 0),
    /** Every latency grows by half, and so does their 99th percentile. */
    LATENCY(0, 1.5, 0),
    /** The same where the old version always takes about the same time. */
    LATENCY_NARROW(0, 1.5, 0),
    /** Three points fewer predictions are right. */
    ACCURACY(0, 1, .03);

    final double failures;
    final double latencyFactor;
    final double wrong;

    Harm(double failures, double latencyFactor, double wrong) {
      this.failures = failures;
      this.latencyFactor = latencyFactor;
      this.wrong = wrong;
    }

    /** The stage from which on its devices suffer, from 0. */
    public int stage() {
      return this == FAILURES_LATER ? 1 : 0;
    }
  }

  /**
   * How it ended.
   *
   * @param phase at the end
   * @param stagesPassed of the plan's
   * @param stageMinutes how long each stage that was left took
   */
  public record Outcome(RolloutPhase phase, int stagesPassed, List<Double> stageMinutes) {}

  private static final class Device {
    final int stage;
    final double failures;
    final double wrong;
    final Map<Metric, double[]> totals = new EnumMap<>(Metric.class);
    DeploymentState state = DeploymentState.PENDING;
    boolean opened;
    int commitsIn;
    int outcomesDue;

    Device(int stage, SplittableRandom random) {
      this.stage = stage;
      this.failures = FAILURES * (1 + .2 * uniform(random));
      this.wrong = 1 - ACCURACY + .005 * uniform(random);
    }

    // Of mean 0 and standard deviation 1.
    private static double uniform(SplittableRandom random) {
      return (2 * random.nextDouble() - 1) * Math.sqrt(3);
    }
  }

  /** A rollout that was not started. */
  public SimulatedRollout(RolloutPlan plan, Harm harm, long seed) {
    this.plan = plan;
    this.harm = harm;
    this.random = new SplittableRandom(seed);
    this.state = RolloutState.ready(plan);
    List<StageMembership.Candidate> candidates = new ArrayList<>();
    for (int device = 0; device < DEVICES; device++) {
      candidates.add(new StageMembership.Candidate(new DeviceId("device-" + device), PROFILE));
    }
    List<List<StageMembership.Candidate>> stages =
        StageMembership.assign(candidates, "seed-" + seed, plan).stages();
    for (int stage = 0; stage < stages.size(); stage++) {
      for (int i = 0; i < stages.get(stage).size(); i++) {
        devices.add(new Device(stage, random));
      }
    }
    int edge = LatencyEdge.of(history(), Optional.empty()).orElseThrow();
    slowBefore = slower(Math.pow(2, edge / 2.0), 1);
    slowAfter = slower(Math.pow(2, edge / 2.0), harm.latencyFactor);
  }

  private List<Long> history() {
    List<Long> bins = new ArrayList<>();
    for (int bin = 0; bin < LATENCY_BINS; bin++) {
      double share = slower(Math.pow(2, bin / 2.0), 1) - slower(Math.pow(2, (bin + 1) / 2.0), 1);
      bins.add(Math.round(share * 100_000));
    }
    return bins;
  }

  // Share of latencies above so many microseconds when all are stretched by a factor.
  private double slower(double micros, double factor) {
    double deviation = harm == Harm.LATENCY_NARROW ? LATENCY_LOG_SD_NARROW : LATENCY_LOG_SD;
    double z = (Math.log(micros / factor) - LATENCY_LOG_MEDIAN) / deviation;
    return Normal.above(z);
  }

  /** Runs it to its end, to a pause, or for ten hours. */
  public Outcome run() {
    apply(new RolloutEvent.Start());
    List<Instant> opened = new ArrayList<>(List.of(now));
    List<Double> minutes = new ArrayList<>();
    for (int minute = 0; minute < LONGEST_MINUTES && !isOver(); minute++) {
      pass();
      int before = open();
      apply(new RolloutEvent.Observed(census(), evidence(), Instant.EPOCH));
      if (open() != before) {
        minutes.add(Duration.between(opened.getLast(), now).toSeconds() / 60.0);
        opened.add(now);
        sums.clear();
        devices.forEach(device -> device.totals.clear());
      }
    }
    int passed =
        (int)
            state.stages().subList(0, plan.stages().size()).stream()
                .filter(stage -> stage.state() == StageState.PASSED)
                .count();
    return new Outcome(state.phase(), passed, minutes);
  }

  private boolean isOver() {
    return state.phase().isTerminal() || state.phase() instanceof RolloutPhase.Paused;
  }

  private int open() {
    return RolloutMachine.openStage(state).orElse(-1);
  }

  private void apply(RolloutEvent event) {
    RolloutMachine.Step step = RolloutMachine.step(plan, state, event, now);
    state = step.state();
    step.effects().forEach(this::carryOut);
  }

  private void carryOut(RolloutEffect effect) {
    switch (effect) {
      case RolloutEffect.OpenStage(int stage) ->
          devices.stream()
              .filter(device -> device.stage == stage)
              .forEach(device -> device.opened = true);
      case RolloutEffect.Offer(int through, int limit) ->
          devices.stream()
              .filter(
                  device ->
                      device.opened
                          && device.stage <= through
                          && device.state == DeploymentState.PENDING)
              .limit(limit)
              .forEach(
                  device -> {
                    device.state = DeploymentState.OFFERED;
                    device.commitsIn = 1 + random.nextInt(2);
                  });
      case RolloutEffect.RestoreTouched() ->
          devices.stream()
              .filter(device -> device.state.isTouched())
              .forEach(device -> device.state = DeploymentState.RESTORED);
      case RolloutEffect.CatchUp _, RolloutEffect.Expire _, RolloutEffect.DeferOffline _ -> {}
      case RolloutEffect.Cancel _, RolloutEffect.RestoreBrokenUnits _ -> {}
      case RolloutEffect.RetryFailed _, RolloutEffect.ConcludeTrial _ -> {}
      case RolloutEffect.CloseOut _ -> {}
    }
  }

  private void pass() {
    now = now.plusSeconds(60);
    for (Device device : devices) {
      boolean newer = device.state == DeploymentState.COMMITTED;
      boolean older = device.state == DeploymentState.PENDING;
      if (newer || older) {
        observe(device, newer);
      }
      if (device.state == DeploymentState.OFFERED && --device.commitsIn == 0) {
        device.state = DeploymentState.COMMITTED;
        device.outcomesDue = 0;
        device.totals.clear();
      }
    }
  }

  private void observe(Device device, boolean newer) {
    boolean harmed = newer && device.stage >= harm.stage();
    double failures = device.failures + (harmed ? harm.failures : 0);
    double wrong = device.wrong + (harmed ? harm.wrong : 0);
    int failed = binomial(PREDICTIONS, failures);
    count(device, newer, Metric.FAILED_PREDICTIONS, PREDICTIONS, failed);
    count(
        device,
        newer,
        Metric.SLOW_PREDICTIONS,
        PREDICTIONS,
        binomial(PREDICTIONS, harmed ? slowAfter : slowBefore));
    count(device, newer, Metric.RESTARTS, 1, 0);
    if (device.outcomesDue > 0) {
      int right = device.outcomesDue - binomial(device.outcomesDue, wrong);
      count(device, newer, Metric.ACCURACY, device.outcomesDue, right);
    }
    device.outcomesDue = OUTCOMES;
  }

  private int binomial(int trials, double share) {
    if (share <= 0) {
      return 0;
    }
    int hits = 0;
    // Jumps from hit to hit: shares are small.
    double log = Math.log1p(-share);
    double at = 0;
    while (true) {
      at += Math.floor(Math.log(random.nextDouble()) / log) + 1;
      if (!(at <= trials)) {
        return hits;
      }
      hits++;
    }
  }

  private void count(Device device, boolean newer, Metric metric, double trials, double hits) {
    double[] total = device.totals.computeIfAbsent(metric, unused -> new double[2]);
    ArmSums[] arms =
        sums.computeIfAbsent(
            metric, unused -> new ArmSums[] {ArmSums.NONE, ArmSums.NONE, ArmSums.NONE});
    int arm = !newer ? CONTROLS : device.stage == open() ? OPEN_STAGE : EARLIER_STAGES;
    ArmSums sum = arms[arm];
    double trialsBefore = total[0];
    double hitsBefore = total[1];
    total[0] += trials;
    total[1] += hits;
    arms[arm] =
        new ArmSums(
            sum.devices() + (trialsBefore == 0 ? 1 : 0),
            sum.trials() + trials,
            sum.hits() + hits,
            sum.trialsSquared() + total[0] * total[0] - trialsBefore * trialsBefore,
            sum.product() + total[0] * total[1] - trialsBefore * hitsBefore,
            sum.hitsSquared() + total[1] * total[1] - hitsBefore * hitsBefore);
  }

  private Evidence evidence() {
    Map<Metric, Comparison> all = new EnumMap<>(Metric.class);
    Map<Metric, Comparison> alone = new EnumMap<>(Metric.class);
    sums.forEach(
        (metric, arms) -> {
          ArmSums newer = arms[EARLIER_STAGES].plus(arms[OPEN_STAGE]);
          all.put(metric, new Comparison(newer, arms[CONTROLS]));
          alone.put(metric, new Comparison(arms[OPEN_STAGE], arms[CONTROLS]));
        });
    return new Evidence(
        Map.of(PROFILE, new Evidence.OfProfile(all)),
        open() > 0 ? Map.of(PROFILE, new Evidence.OfProfile(alone)) : Map.of(),
        OptionalDouble.empty());
  }

  private Census census() {
    Map<Integer, Map<DeploymentState, Integer>> counts = new HashMap<>();
    for (Device device : devices) {
      if (device.opened) {
        counts
            .computeIfAbsent(device.stage, unused -> new EnumMap<>(DeploymentState.class))
            .merge(device.state, 1, Integer::sum);
      }
    }
    List<Census.Cell> cells = new ArrayList<>();
    counts.forEach(
        (stage, states) ->
            states.forEach(
                (deployment, count) ->
                    cells.add(new Census.Cell(stage, PROFILE, deployment, true, true, count))));
    return new Census(cells);
  }
}
