package io.skerry.simulator.world;

import io.skerry.fleet.gate.ArmCounts;
import io.skerry.fleet.gate.ArmCounts.Bins;
import io.skerry.fleet.gate.LatencyEdge;
import io.skerry.fleet.gate.LatencyHistory;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Window;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What rollouts' gates judge, counted as windows and outcomes are stored. It does what the
 * statements of the server do, and is held to the same contract.
 */
final class GateCounts {
  private final MemoryStore store;
  private final Releases releases;
  private final Function<DeviceId, Described> described;
  private final Map<RolloutId, Rollout> rollouts;
  private final UsualLatencies usual = new UsualLatencies();
  private long transaction;

  /**
   * @param rollouts all of them, also those that come later
   */
  GateCounts(
      MemoryStore store,
      Releases releases,
      Function<DeviceId, Described> described,
      Map<RolloutId, Rollout> rollouts) {
    this.store = store;
    this.releases = releases;
    this.described = described;
    this.rollouts = rollouts;
  }

  /** A stage opens. */
  void open(Rollout rollout) {
    List<Map<ProfileId, Integer>> slow = new ArrayList<>();
    List<Map<ProfileId, Integer>> resolutions = new ArrayList<>();
    List<@Nullable Double> ranges = new ArrayList<>();
    Map<ProfileId, Integer> coarsest = new HashMap<>();
    for (RolloutPart part : rollout.parts) {
      Map<ProfileId, Integer> edges = new HashMap<>();
      Map<ProfileId, Integer> together = new HashMap<>();
      for (Hardware hardware : Hardware.values()) {
        LatencyHistory of = history(rollout, part, hardware.profile());
        of.edge(Optional.of(hardware.latencyBudget()))
            .ifPresent(edge -> edges.put(hardware.profile(), edge));
        together.put(hardware.profile(), of.resolution());
        coarsest.merge(hardware.profile(), of.resolution(), Math::max);
      }
      slow.add(edges);
      resolutions.add(together);
      ranges.add(releases.watched(part.version()).amountRange().orElse(null));
    }
    Map<ProfileId, Integer> budgets = new HashMap<>();
    for (Hardware hardware : Hardware.values()) {
      int resolution = coarsest.getOrDefault(hardware.profile(), 1);
      budgets.put(hardware.profile(), LatencyEdge.overBudget(hardware.latencyBudget(), resolution));
    }
    rollout.arms.open(new StageArms.Edges(slow, budgets, resolutions, ranges));
  }

  // Of what most devices of the profile run: another profile's version may be another one.
  private LatencyHistory history(Rollout rollout, RolloutPart part, ProfileId of) {
    return runBefore(rollout, part, of)
        .map(version -> usual.of(part.slot(), version, this::profile))
        .map(usually -> usually.get(of))
        .orElse(new LatencyHistory());
  }

  // What most devices of a profile say that they run in the slot, of the others.
  private Optional<ModelVersion> runBefore(Rollout rollout, RolloutPart part, ProfileId of) {
    Map<ModelVersion, Integer> running = new HashMap<>();
    for (DeviceId device : store.devices()) {
      store
          .slotReport(device, part.slot())
          .flatMap(SlotReport::running)
          .map(SlotReport.Running::version)
          .filter(version -> !version.equals(part.version()))
          .filter(version -> !isOfOthers(rollout, part, device, version))
          .filter(unused -> profile(device).filter(of::equals).isPresent())
          .ifPresent(version -> running.merge(version, 1, Integer::sum));
    }
    return running.entrySet().stream()
        .max(
            Map.Entry.<ModelVersion, Integer>comparingByValue()
                .thenComparing(one -> one.getKey().version(), Comparator.naturalOrder()))
        .map(Map.Entry::getKey);
  }

  // What runs another model and never gets this one is nothing to compare it with.
  private static boolean isOfOthers(
      Rollout rollout, RolloutPart part, DeviceId device, ModelVersion version) {
    return !version.model().equals(part.version().model()) && rollout.outsiders.containsKey(device);
  }

  // What is told of a device that was removed is not its profile's any more.
  private Optional<ProfileId> profile(DeviceId device) {
    return store.isEnrolled(device) ? described.apply(device).profile() : Optional.empty();
  }

  /** What follows is stored together. */
  void beginTransaction() {
    transaction++;
  }

  /** Counts a stored window for the gates. */
  void counted(DeviceId device, long epoch, Window window, WindowCounts counts) {
    int stream = counts.layout().indexOf(MonitoringPlan.LATENCY);
    ModelRef model = window.getModel();
    ModelVersion version = version(model);
    if (stream >= 0 && counts.has(stream)) {
      usual.add(
          new SlotId(model.getSlot()),
          version,
          window.getWindow(),
          device,
          latencies(counts, stream),
          counts.fold(stream));
    }
    for (Rollout rollout : rollouts.values()) {
      int part = part(rollout, device, model.getSlot(), version, window.getStartMillis());
      if (part >= 0) {
        count(rollout, part, device, version, epoch, window, counts);
      }
    }
  }

  private static int[] latencies(WindowCounts counts, int stream) {
    int[] bins = new int[WindowSketch.LATENCY_BINS];
    for (int bin = 0; bin < bins.length; bin++) {
      bins[bin] = counts.count(stream, bin);
    }
    return bins;
  }

  private void count(
      Rollout rollout,
      int part,
      DeviceId device,
      ModelVersion version,
      long epoch,
      Window window,
      WindowCounts counts) {
    boolean newer = version.equals(rollout.parts.get(part).version());
    Optional<Arm> row = row(rollout, part, device, newer);
    if (row.isEmpty()) {
      return;
    }
    Arm arm = row.get();
    Told told = Objects.requireNonNull(told(rollout, device, newer));
    if (told.ofProcess) {
      arm.process(epoch, transaction);
    }
    if (told.ofVersion) {
      countVersion(rollout, part, arm, version, window, counts);
    }
    // On trial both versions lie in it: that is more than what the new one alone will take. Who
    // waits for what is promoted has it on trial still.
    if (told.ofProcess && !rollout.isTrial() && (newer || !rollout.promoted)) {
      arm.counts.memory(
          (double) window.getResidentBytes(),
          (double) described.apply(device).facts().memoryBytes());
    }
  }

  private void countVersion(
      Rollout rollout,
      int part,
      Arm arm,
      ModelVersion version,
      Window window,
      WindowCounts counts) {
    ArmCounts to = arm.counts;
    to.predictions(window.getPredictions(), window.getPredictionsFailed());
    StageArms.Edges edges = rollout.arms.edges();
    Bins latencies = bins(counts, MonitoringPlan.LATENCY);
    Integer slow = edges.slow().get(part).get(arm.profile);
    if (latencies != null && slow != null) {
      to.latencies(latencies, slow);
    }
    Integer budget = edges.budgets().get(arm.profile);
    if (latencies != null && budget != null) {
      to.latenciesOfBudget(latencies, budget);
    }
    Bins scores = bins(counts, MonitoringPlan.SCORE);
    if (scores != null) {
      int resolution = edges.resolutions().get(part).getOrDefault(arm.profile, 1);
      to.scores(scores, releases.watched(version).middles(), resolution);
    }
  }

  private static @Nullable Bins bins(WindowCounts counts, String name) {
    int stream = counts.layout().indexOf(name);
    return stream < 0 || !counts.has(stream)
        ? null
        : new Bins(
            counts.layout().bins(stream), counts.fold(stream), bin -> counts.count(stream, bin));
  }

  private static ModelVersion version(ModelRef model) {
    return new ModelVersion(new ModelName(model.getModel()), model.getVersion());
  }

  private Optional<Arm> row(Rollout rollout, int part, DeviceId device, boolean newer) {
    Rollout.Deployment one = rollout.deployments.get(device);
    // A control's stage may be given later, but what runs the version has one that stays.
    boolean own = one != null && one.opened && rollout.isOpen(one.stage);
    return profile(device)
        .filter(rollout.profiles::contains)
        .map(profile -> rollout.arms.counting(part, device, newer, profile, own));
  }

  // The part of the rollout that this is evidence of; -1 where it is of none. Controls are devices
  // that run the model or are to get it, and were not touched yet; of a trial, the version beside
  // it, but for what belongs to the process that runs both.
  private static int part(
      Rollout rollout, DeviceId device, String slot, ModelVersion version, long atMillis) {
    boolean collects =
        !rollout.released
            && (rollout.state.phase() instanceof RolloutPhase.Running
                || rollout.state.phase() instanceof RolloutPhase.Paused);
    if (!collects || atMillis < rollout.openedAt) {
      return -1;
    }
    for (int i = 0; i < rollout.parts.size(); i++) {
      RolloutPart part = rollout.parts.get(i);
      SlotId place = rollout.slot(part);
      boolean ownPlace = slot.equals(place.value());
      if (ownPlace || slot.equals(part.slot().value())) {
        boolean newer = version.equals(part.version());
        boolean counts =
            (!rollout.isTrial() || newer == ownPlace)
                && !isOfOthers(rollout, part, device, version)
                && told(rollout, device, newer) != null;
        return counts ? i : -1;
      }
    }
    return -1;
  }

  /** What a device is evidence of. */
  private enum Told {
    ALL(true, true),
    VERSION(true, false),
    PROCESS(false, true);

    private final boolean ofVersion;
    private final boolean ofProcess;

    Told(boolean ofVersion, boolean ofProcess) {
      this.ofVersion = ofVersion;
      this.ofProcess = ofProcess;
    }
  }

  private static @Nullable Told told(Rollout rollout, DeviceId device, boolean newer) {
    Rollout.Deployment one = rollout.deployments.get(device);
    DeploymentState state = one != null && one.opened ? one.state : null;
    if (newer) {
      return state != null && state.isEvidence() ? Told.ALL : null;
    }
    if (rollout.isTrial() && state == DeploymentState.COMMITTED) {
      return Told.VERSION;
    }
    boolean untouched = state == null || state.isControl();
    return !untouched ? null : rollout.isTrial() ? Told.PROCESS : Told.ALL;
  }

  /** Counts a stored outcome for the gates. */
  void counted(DeviceId device, Feedback outcome) {
    if (!outcome.getJoined()) {
      return;
    }
    ModelVersion version = version(outcome.getModel());
    for (Rollout rollout : rollouts.values()) {
      String slot = outcome.getModel().getSlot();
      int part = part(rollout, device, slot, version, outcome.getPredictedAtMillis());
      boolean newer = part >= 0 && version.equals(rollout.parts.get(part).version());
      if (part >= 0 && Objects.requireNonNull(told(rollout, device, newer)).ofVersion) {
        Double range = rollout.arms.edges().ranges().get(part);
        row(rollout, part, device, newer)
            .ifPresent(arm -> count(arm.counts, outcome, version, range));
      }
    }
  }

  private void count(
      ArmCounts arm, Feedback outcome, ModelVersion version, @Nullable Double range) {
    double actual = outcome.getActual();
    if (range != null) {
      arm.outcomeOfAmount(actual, outcome.getScore(), range);
    } else {
      double threshold = releases.watched(version).threshold();
      arm.outcomeOfTwo(actual, outcome.getScore() >= threshold == actual >= .5);
    }
  }
}
