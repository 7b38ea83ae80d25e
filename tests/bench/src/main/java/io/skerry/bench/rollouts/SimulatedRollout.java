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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;

/**
 * One rollout on devices that are statistics per minute, decided by the real machine and gates.
 *
 * <p>Every device answers one prediction a second; outcomes of a tenth are known a minute later.
 * Devices differ lastingly: by a fifth in what is rare (failures, restarts, predictions over the
 * budget), by half a point in accuracy, by three points in memory, predictions and confidence, and
 * by a factor in how long they take, so that few of them have most of the slow predictions.
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
  // Of the profile's latency budget, which lies beyond what the latency gate looks at.
  private static final double OVER_BUDGET = .002;

  /** Windows in which the process starts anew. */
  private static final double RESTARTS = .001;

  private static final double MEMORY = .2;
  private static final double POSITION = .3;
  private static final double CONFIDENCE = .8;
  // Deviation of one reading on a device.
  private static final double MEMORY_NOISE = .01;
  private static final double POSITION_NOISE = .25;
  private static final double CONFIDENCE_NOISE = .2;
  // Latencies are log-normal with a median of 4 ms.
  private static final double LATENCY_LOG_MEDIAN = Math.log(4000);
  private static final double LATENCY_LOG_SD = .5;
  // Of the devices' medians: one in six is a tenth slower than the middle one.
  private static final double LATENCY_LOG_SD_BETWEEN = .1;
  private static final double LATENCY_LOG_SD_UNLIKE = .2;
  // All of them in one bin.
  private static final double LATENCY_LOG_SD_NARROW = .005;
  // Of the devices, those that the version kills, and those of one site.
  private static final double DYING = .4;
  private static final double SITE = .2;
  private static final int DARK_FROM_MINUTE = 3;
  private static final int DARK_TO_MINUTE = 8;
  // Of those that it kills, how many a minute.
  private static final double DYING_PER_MINUTE = .3;
  private static final int LATENCY_BINS = 48;
  private static final int LONGEST_MINUTES = 600;
  // Of what is summed over devices.
  private static final int EARLIER_STAGES = 0;
  private static final int OPEN_STAGE = 1;
  private static final int CONTROLS = 2;

  private final RolloutPlan plan;
  private final Harm harm;
  private final double rejected;
  private final SplittableRandom random;
  private final List<Device> devices = new ArrayList<>();
  private final Map<Metric, ArmSums[]> sums = new EnumMap<>(Metric.class);
  private RolloutState state;
  private Instant now = START;

  /** What the new version does. */
  public enum Harm {
    NONE,
    /**
     * None either, where one device in six is a fifth slower than the middle one: a few of them
     * have most of the slow predictions, and a tenth of the fleet seldom rules a point out.
     */
    NONE_UNLIKE,
    /** None either, where a site of a fifth of the devices has no power for five minutes. */
    NONE_AWAY,
    /** Two devices of five go dark for good within minutes of running it. */
    DARK,
    /** Five points more predictions fail. */
    FAILURES(Metric.FAILED_PREDICTIONS, .05),
    /** The same, but for devices of the first stage. */
    FAILURES_LATER(Metric.FAILED_PREDICTIONS, .05),
    /** Every latency grows by half, and so does their 99th percentile. */
    LATENCY,
    /** The same where the old version always takes about the same time. */
    LATENCY_NARROW,
    /** The same where devices differ as in {@link #NONE_UNLIKE}. */
    LATENCY_UNLIKE,
    /** Three points more are over the budget; what else that slows is told to no other gate. */
    LATENCY_BUDGET(Metric.OVER_BUDGET, .03),
    /** The process restarts in three more of a hundred windows. */
    RESTARTS(Metric.RESTARTS, .03),
    /** Ten points more of the device's memory are taken. */
    MEMORY(Metric.MEMORY, .1),
    /** Predictions lie ten points higher. */
    PREDICTIONS(Metric.PREDICTIONS, .1),
    /** They are ten points less sure. */
    CONFIDENCE(Metric.CONFIDENCE, -.1),
    /** Three points fewer predictions are right. */
    ACCURACY(Metric.ACCURACY, -.03);

    private final Optional<Metric> shifted;
    private final double shift;

    Harm() {
      this.shifted = Optional.empty();
      this.shift = 0;
    }

    Harm(Metric shifted, double shift) {
      this.shifted = Optional.of(shifted);
      this.shift = shift;
    }

    double shift(Metric metric) {
      return shifted.filter(metric::equals).isPresent() ? shift : 0;
    }

    double latencyFactor() {
      return this == LATENCY || this == LATENCY_NARROW || this == LATENCY_UNLIKE ? 1.5 : 1;
    }

    /** Whether it does none. */
    public boolean isNone() {
      return this == NONE || this == NONE_UNLIKE || this == NONE_AWAY;
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
    final Map<Metric, Double> shares = new EnumMap<>(Metric.class);
    final Map<Metric, double[]> totals = new EnumMap<>(Metric.class);
    final double latencyLogMedian;
    double slowBefore;
    double slowAfter;
    DeploymentState state = DeploymentState.PENDING;
    boolean opened;
    boolean rejects;
    boolean away;
    final boolean dies;
    final boolean ofSite;
    int endsIn;
    int outcomesDue;

    Device(int stage, double latencySpread, SplittableRandom random) {
      this.stage = stage;
      this.dies = random.nextDouble() < DYING;
      this.ofSite = random.nextDouble() < SITE;
      this.latencyLogMedian = LATENCY_LOG_MEDIAN + latencySpread * random.nextGaussian();
      differ(Metric.FAILED_PREDICTIONS, FAILURES, .2 * FAILURES, random);
      differ(Metric.OVER_BUDGET, OVER_BUDGET, .2 * OVER_BUDGET, random);
      differ(Metric.RESTARTS, RESTARTS, .2 * RESTARTS, random);
      differ(Metric.MEMORY, MEMORY, .03, random);
      differ(Metric.PREDICTIONS, POSITION, .03, random);
      differ(Metric.CONFIDENCE, CONFIDENCE, .03, random);
      differ(Metric.ACCURACY, ACCURACY, .005, random);
    }

    private void differ(Metric metric, double mean, double deviation, SplittableRandom random) {
      shares.put(metric, mean + deviation * uniform(random));
    }

    // Of mean 0 and standard deviation 1.
    private static double uniform(SplittableRandom random) {
      return (2 * random.nextDouble() - 1) * Math.sqrt(3);
    }
  }

  /**
   * A rollout that was not started.
   *
   * @param rejected share of devices that fail the update before any other has succeeded
   */
  public SimulatedRollout(RolloutPlan plan, Harm harm, double rejected, long seed) {
    this.plan = plan;
    this.harm = harm;
    this.rejected = rejected;
    this.random = new SplittableRandom(seed);
    this.state = RolloutState.ready(plan);
    List<StageMembership.Candidate> candidates = new ArrayList<>();
    for (int device = 0; device < DEVICES; device++) {
      candidates.add(new StageMembership.Candidate(new DeviceId("device-" + device), PROFILE));
    }
    double spread = spread(harm);
    List<List<StageMembership.Candidate>> stages =
        StageMembership.assign(candidates, "seed-" + seed, plan).stages();
    for (int stage = 0; stage < stages.size(); stage++) {
      for (int i = 0; i < stages.get(stage).size(); i++) {
        devices.add(new Device(stage, spread, random));
      }
    }
    int edge = LatencyEdge.of(history(), Optional.empty()).orElseThrow();
    for (Device device : devices) {
      device.slowBefore = slower(device, Math.pow(2, edge / 2.0), 1);
      device.slowAfter = slower(device, Math.pow(2, edge / 2.0), harm.latencyFactor());
    }
  }

  private static double spread(Harm harm) {
    return switch (harm) {
      case LATENCY_NARROW -> 0;
      case NONE_UNLIKE, LATENCY_UNLIKE -> LATENCY_LOG_SD_UNLIKE;
      case NONE,
          NONE_AWAY,
          DARK,
          FAILURES,
          FAILURES_LATER,
          LATENCY,
          LATENCY_BUDGET,
          RESTARTS,
          MEMORY ->
          LATENCY_LOG_SD_BETWEEN;
      case PREDICTIONS, CONFIDENCE, ACCURACY -> LATENCY_LOG_SD_BETWEEN;
    };
  }

  // Of all devices together, as the control plane knows it before the first stage.
  private List<Long> history() {
    List<Long> bins = new ArrayList<>();
    for (int bin = 0; bin < LATENCY_BINS; bin++) {
      double share = 0;
      for (Device device : devices) {
        share +=
            slower(device, Math.pow(2, bin / 2.0), 1)
                - slower(device, Math.pow(2, (bin + 1) / 2.0), 1);
      }
      bins.add(Math.round(share / DEVICES * 100_000));
    }
    return bins;
  }

  // Share of a device's latencies above so many microseconds when all are stretched by a factor.
  private double slower(Device device, double micros, double factor) {
    double deviation = harm == Harm.LATENCY_NARROW ? LATENCY_LOG_SD_NARROW : LATENCY_LOG_SD;
    double z = (Math.log(micros / factor) - device.latencyLogMedian) / deviation;
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
                          && !device.away
                          && device.state == DeploymentState.PENDING)
              .limit(limit)
              .forEach(
                  device -> {
                    device.state = DeploymentState.OFFERED;
                    device.rejects = rejected > 0 && random.nextDouble() < rejected;
                    boolean waits = rejected > 0 && !device.rejects;
                    device.endsIn = (waits ? 2 : 1) + (device.rejects ? 0 : random.nextInt(2));
                  });
      case RolloutEffect.RestoreTouched() ->
          devices.stream()
              .filter(device -> device.state.isTouched())
              .forEach(device -> device.state = DeploymentState.RESTORED);
      case RolloutEffect.CatchUp _, RolloutEffect.Expire _, RolloutEffect.DeferOffline _ -> {}
      case RolloutEffect.Cancel _, RolloutEffect.RestoreBrokenUnits _ -> {}
      case RolloutEffect.RetryFailed _, RolloutEffect.ConcludeTrial _ -> {}
      case RolloutEffect.RestoreAgain _ -> {}
      case RolloutEffect.CloseOut _ -> {}
    }
  }

  private void pass() {
    now = now.plusSeconds(60);
    long minute = Duration.between(START, now).toMinutes();
    for (Device device : devices) {
      goesOrComes(device, minute);
      if (device.away) {
        continue;
      }
      boolean newer = device.state == DeploymentState.COMMITTED;
      boolean older = device.state == DeploymentState.PENDING;
      if (newer || older) {
        observe(device, newer);
      }
      if (device.state == DeploymentState.OFFERED && --device.endsIn == 0) {
        device.state = device.rejects ? DeploymentState.REJECTED : DeploymentState.COMMITTED;
        device.outcomesDue = 0;
        device.totals.clear();
      }
    }
  }

  private void goesOrComes(Device device, long minute) {
    if (harm == Harm.NONE_AWAY && device.ofSite) {
      device.away = minute >= DARK_FROM_MINUTE && minute < DARK_TO_MINUTE;
    }
    boolean runs = device.state == DeploymentState.COMMITTED;
    if (harm == Harm.DARK && runs && device.dies) {
      device.away |= random.nextDouble() < DYING_PER_MINUTE;
    }
  }

  private void observe(Device device, boolean newer) {
    boolean harmed = newer && device.stage >= harm.stage();
    hits(device, newer, harmed, Metric.FAILED_PREDICTIONS, PREDICTIONS);
    hits(device, newer, harmed, Metric.OVER_BUDGET, PREDICTIONS);
    hits(device, newer, harmed, Metric.RESTARTS, 1);
    count(
        device,
        newer,
        Metric.SLOW_PREDICTIONS,
        PREDICTIONS,
        binomial(PREDICTIONS, harmed ? device.slowAfter : device.slowBefore));
    measured(device, newer, harmed, Metric.MEMORY, 1, Metric.MEMORY_TRIALS, MEMORY_NOISE);
    measured(device, newer, harmed, Metric.PREDICTIONS, PREDICTIONS, 1, POSITION_NOISE);
    measured(device, newer, harmed, Metric.CONFIDENCE, PREDICTIONS, 1, CONFIDENCE_NOISE);
    if (device.outcomesDue > 0) {
      double wrong = 1 - share(device, harmed, Metric.ACCURACY);
      int right = device.outcomesDue - binomial(device.outcomesDue, wrong);
      count(device, newer, Metric.ACCURACY, device.outcomesDue, right);
    }
    device.outcomesDue = OUTCOMES;
  }

  private double share(Device device, boolean harmed, Metric metric) {
    return device.shares.getOrDefault(metric, 0.0) + (harmed ? harm.shift(metric) : 0);
  }

  private void hits(Device device, boolean newer, boolean harmed, Metric metric, int trials) {
    count(device, newer, metric, trials, binomial(trials, share(device, harmed, metric)));
  }

  // The sum of so many readings between 0 and 1, each of which weighs as so many trials.
  private void measured(
      Device device,
      boolean newer,
      boolean harmed,
      Metric metric,
      int readings,
      int weight,
      double noise) {
    double sum =
        readings * share(device, harmed, metric)
            + Math.sqrt(readings) * noise * Device.uniform(random);
    double trials = (double) readings * weight;
    count(device, newer, metric, trials, Math.clamp(sum * weight, 0.0, trials));
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
    all.put(Metric.LOST_DEVICES, lost(false));
    alone.put(Metric.LOST_DEVICES, lost(true));
    return new Evidence(
        Map.of(PROFILE, new Evidence.OfProfile(all)),
        open() > 0 ? Map.of(PROFILE, new Evidence.OfProfile(alone)) : Map.of(),
        OptionalDouble.empty());
  }

  private Comparison lost(boolean ofStage) {
    ArmSums newer = ArmSums.NONE;
    ArmSums older = ArmSums.NONE;
    for (Device device : devices) {
      ArmSums one = ArmSums.ofDevices(1, device.away ? 1 : 0);
      if (!device.opened) {
        older = device.totals.isEmpty() ? older : older.plus(one);
      } else if (device.state != DeploymentState.PENDING
          && (device.stage == open() || (!ofStage && !device.totals.isEmpty()))) {
        newer = newer.plus(one);
      }
    }
    return new Comparison(newer, older);
  }

  private record Group(DeploymentState state, boolean online) {}

  private Census census() {
    Map<Integer, Map<Group, Integer>> counts = new HashMap<>();
    for (Device device : devices) {
      if (device.opened) {
        counts
            .computeIfAbsent(device.stage, unused -> new LinkedHashMap<>())
            .merge(new Group(device.state, !device.away), 1, Integer::sum);
      }
    }
    List<Census.Cell> cells = new ArrayList<>();
    counts.forEach(
        (stage, states) ->
            states.forEach(
                (of, count) ->
                    cells.add(
                        new Census.Cell(stage, PROFILE, of.state(), of.online(), true, count))));
    return new Census(cells);
  }
}
