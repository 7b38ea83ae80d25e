package io.skerry.simulator.world;

import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageProgress;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.fleet.rollout.StageState;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotReport;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.drift.WindowVerdict;
import io.skerry.wire.fleet.v1.Record;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Watches that what must always hold does. It sees what a user could see: what devices keep, run
 * and download, what the control plane stores, orders and says of its rollouts; never how either
 * came to it.
 */
public final class Watch {
  // What a trial that succeeded takes to take over.
  private static final Duration PROMOTION = Duration.ofDays(1);

  /** Breaks that are kept in words. */
  private static final int BREAKS_MAX = 50;

  /** Bytes of a device's files that are neither models nor records. */
  private static final long FILES_BYTES_MAX = 512 * 1024;

  private final Fleet fleet;
  private final List<Truth> devices = new ArrayList<>();
  private final Set<Integer> cloned = new HashSet<>();
  private final List<Break> breaks = new ArrayList<>();
  private final Map<Rollout, Touched> touched = new LinkedHashMap<>();
  private long breakCount;
  private long predictionsStored;
  private long recordsStored;
  private long openWhenStopped;
  private long youngWhenStopped;
  private final Map<RecordStream, Long> storedOf = new EnumMap<>(RecordStream.class);
  private long falseFindings;
  private long judged;
  private long judgedWithoutDrift;
  private final TrialWatch trials = new TrialWatch(this);
  private Outcomes outcomes = new Outcomes("", 0, 0);

  /**
   * Something that must hold and did not.
   *
   * @param invariant its number in the architecture page
   * @param device its index; negative when it is about the fleet
   */
  public record Break(int invariant, int device, long atMillis, String what) {}

  /** A record that a device kept, until it is stored. */
  private static final class Kept {
    private final RecordStream stream;
    private final long epoch;
    private final long sequence;
    private final long predictions;
    // 0 where nobody but the device saw what it holds.
    private final int content;
    private boolean durable;
    private boolean doubtful;
    // What it counts may come in another record.
    private boolean mayComeAgain;

    Kept(RecordStream stream, long epoch, long sequence, long predictions, int content) {
      this.stream = stream;
      this.epoch = epoch;
      this.sequence = sequence;
      this.predictions = predictions;
      this.content = content;
    }
  }

  private static final class Truth {
    private final List<Kept> open = new ArrayList<>(2);
    private long storedPredictions;
    private long keptPredictions;
    // Answered or failed, and in no window yet that was kept.
    private long uncounted;
    // Of these, those that need not be written down yet.
    private long fresh;
    private long answeredAt;
    // Of these, those that a stop or a full disk may have taken.
    private long mayBeLost;
    private long refused;
    private long epoch;
    private Generation observed = Generation.NONE;
    private Generation reported = Generation.NONE;

    void mayComeAgain(Kept kept) {
      if (!kept.mayComeAgain) {
        kept.mayComeAgain = true;
        uncounted += kept.predictions;
        mayBeLost += kept.predictions;
      }
    }

    /**
     * So many are in a window.
     *
     * @return how many of them nobody asked
     */
    long count(long predictions) {
      long beyond = Math.max(0, predictions - uncounted);
      uncounted -= predictions - beyond;
      fresh = Math.min(fresh, uncounted);
      mayBeLost = Math.min(mayBeLost, uncounted);
      return beyond;
    }
  }

  private static final class Touched {
    private final Set<Integer> devices = new HashSet<>();
    // The version that answered when the order arrived, by device.
    private final Map<Integer, Long> before = new HashMap<>();
    // Stored since its stage was opened, of its own devices, by stage.
    private final Map<Integer, Long> predictions = new HashMap<>();
    // Since when a device of it says that it runs the version, by stage.
    private final Map<Integer, Long> ranSince = new HashMap<>();
    private long orderedWhenPaused;
    // Nobody was ordered anything since, in changes of the store.
    private long pausedAt = -1;
    private long ordered;
    private long limitedAt = -1;
    private boolean approved;

    void beginsAnew() {
      devices.clear();
      before.clear();
      predictions.clear();
      ranSince.clear();
      orderedWhenPaused = 0;
      ordered = 0;
    }
  }

  Watch(Fleet fleet) {
    this.fleet = fleet;
  }

  void add() {
    devices.add(new Truth());
  }

  void broken(int invariant, int device, String what) {
    breakCount++;
    if (breaks.size() < BREAKS_MAX) {
      breaks.add(new Break(invariant, device, fleet.world().now(), what));
    }
    fleet.world().trace().note(fleet.world().now(), Trace.Kind.BROKEN, device, invariant, 0);
  }

  /** What did not hold. */
  public List<Break> breaks() {
    return List.copyOf(breaks);
  }

  /** How often something did not hold. */
  public long breakCount() {
    return breakCount;
  }

  /** Predictions in windows that were stored. */
  public long predictionsStored() {
    return predictionsStored;
  }

  /** Records that were stored. */
  public long recordsStored() {
    return recordsStored;
  }

  /** Records of a stream that were stored. */
  public long recordsStored(RecordStream stream) {
    return storedOf.getOrDefault(stream, 0L);
  }

  /**
   * Findings of the drift ledger on inputs while nothing drifts. On scores there may be true ones
   * all the same: of a model that is wrong.
   */
  public long falseFindings() {
    return falseFindings;
  }

  /** Windows in which something could have been found. */
  public long judged() {
    return judged;
  }

  /** Of these, those in which nothing drifts: any finding on inputs is a false one. */
  long judgedWithoutDrift() {
    return judgedWithoutDrift;
  }

  /** A device's key is used on another machine from now on. */
  void cloned(int device) {
    cloned.add(device);
  }

  void booted(int device, long epoch) {
    Truth truth = devices.get(device);
    if (epoch <= truth.epoch) {
      broken(5, device, "boot epoch %d follows %d".formatted(epoch, truth.epoch));
    }
    truth.epoch = epoch;
  }

  void kept(int device, RecordStream stream, long epoch, long sequence, Record record) {
    Truth truth = devices.get(device);
    long predictions = record.hasWindow() ? record.getWindow().getPredictions() : 0;
    truth.keptPredictions += predictions;
    checkCounted(device, truth.count(predictions));
    truth.open.add(new Kept(stream, epoch, sequence, predictions, content(record)));
  }

  private void checkCounted(int device, long beyond) {
    if (beyond > 0) {
      broken(5, device, "%d predictions are counted that nobody asked".formatted(beyond));
    }
  }

  // Of all but the sequence, which the spool gives.
  private static int content(Record record) {
    int body =
        switch (record.getBodyCase()) {
          case WINDOW -> record.getWindow().hashCode();
          case SAMPLE -> record.getSample().hashCode();
          case FEEDBACK -> record.getFeedback().hashCode();
          case EVENT -> record.getEvent().hashCode();
          case BODY_NOT_SET -> 0;
        };
    return body == 0 ? 0 : 31 * body + Long.hashCode(record.getAtMillis());
  }

  /** The device says at once that it could not keep a record. */
  void refused(int device, RecordStream stream, long epoch, long sequence) {
    Truth truth = devices.get(device);
    for (int i = truth.open.size() - 1; i >= 0; i--) {
      Kept kept = truth.open.get(i);
      if (kept.sequence == sequence && kept.stream == stream && kept.epoch == epoch) {
        truth.keptPredictions -= kept.predictions;
        truth.mayComeAgain(kept);
        truth.refused++;
        truth.open.remove(i);
        return;
      }
    }
  }

  /** Predictions were answered, or failed. */
  void answered(int device, long predictions) {
    Truth truth = devices.get(device);
    truth.uncounted += predictions;
    truth.fresh += predictions;
    truth.answeredAt = fleet.world().now();
  }

  /** The device had the time to write down what it counted more than a second ago. */
  void written(int device) {
    Truth truth = devices.get(device);
    if (fleet.world().now() - truth.answeredAt >= World.SECOND) {
      truth.fresh = 0;
    }
  }

  void durable(int device) {
    for (Kept kept : devices.get(device).open) {
      kept.durable |= !kept.doubtful;
    }
  }

  /** The process is gone: what was younger than a second may be lost. */
  void stopped(int device) {
    Truth truth = devices.get(device);
    openWhenStopped += truth.uncounted;
    youngWhenStopped += truth.fresh;
    for (Kept kept : truth.open) {
      kept.doubtful |= !kept.durable;
      // Where it is lost, the window that was written down before it goes on.
      truth.mayComeAgain(kept);
    }
    truth.mayBeLost += truth.fresh;
    truth.fresh = 0;
  }

  void stored(int device, RecordStream stream, long epoch, Record record) {
    recordsStored++;
    storedOf.merge(stream, 1L, Long::sum);
    Truth truth = devices.get(device);
    long predictions = record.hasWindow() ? record.getWindow().getPredictions() : 0;
    truth.storedPredictions += predictions;
    predictionsStored += predictions;
    for (int i = 0; i < truth.open.size(); i++) {
      Kept kept = truth.open.get(i);
      if (kept.sequence == record.getSequence() && kept.stream == stream && kept.epoch == epoch) {
        if (kept.predictions != predictions
            || (kept.content != 0 && kept.content != content(record))) {
          broken(5, device, "a record was stored other than it was kept");
        }
        if (kept.mayComeAgain) {
          truth.mayBeLost = Math.max(0, truth.mayBeLost - predictions);
          checkCounted(device, truth.count(predictions));
        }
        truth.open.remove(i);
        touchedBy(device, record);
        return;
      }
    }
    broken(
        5,
        device,
        "%s %d of epoch %d was stored, and is not there to be stored any more"
            .formatted(stream, record.getSequence(), epoch));
  }

  /** Watches what the outcomes of a site say, from a time on and from a later one on. */
  void outcomesOf(String site, long from, long until) {
    outcomes = new Outcomes(site, from, until);
  }

  double accuracy(boolean after) {
    return outcomes.share(after);
  }

  private static final class Outcomes {
    private final String site;
    private final long from;
    private final long until;
    private final long[][] counts = new long[2][2];

    Outcomes(String site, long from, long until) {
      this.site = site;
      this.from = from;
      this.until = until;
    }

    void count(SimDevice device, io.skerry.wire.fleet.v1.Feedback outcome) {
      long at = outcome.getPredictedAtMillis();
      if (device.site().equals(site) && outcome.getJoined() && at >= from) {
        boolean right = outcome.getActual() >= .5 == outcome.getScore() >= .5;
        counts[at >= until ? 1 : 0][right ? 1 : 0]++;
      }
    }

    double share(boolean after) {
      long[] of = counts[after ? 1 : 0];
      return (double) of[1] / Math.max(1, of[0] + of[1]);
    }
  }

  private void touchedBy(int device, Record record) {
    if (record.hasFeedback()) {
      outcomes.count(fleet.device(device), record.getFeedback());
    }
    if (record.hasWindow()) {
      long version = record.getWindow().getModel().getVersion();
      touched.forEach(
          (rollout, seen) -> {
            Rollout.Deployment one =
                version == rollout.version
                    ? rollout.deployments.get(fleet.device(device).id())
                    : null;
            if (one != null && (seen.devices.contains(device) || hadItAlready(one))) {
              seen.predictions.merge(one.stage, record.getWindow().getPredictions(), Long::sum);
            }
          });
    }
  }

  // It was ordered nothing, and what it does with the version is judged all the same.
  private static boolean hadItAlready(Rollout.Deployment one) {
    return one.state == DeploymentState.ALREADY_INSTALLED;
  }

  void observed(int device, Generation generation) {
    Truth truth = devices.get(device);
    if (truth.observed.isAfter(generation)) {
      broken(
          2,
          device,
          "observed generation fell from %s to %s".formatted(truth.observed, generation));
    }
    truth.observed = generation;
    took(device);
  }

  private void took(int device) {
    SimDevice sim = fleet.device(device);
    touched.forEach(
        (rollout, seen) -> {
          if (fleet
                  .store()
                  .desired(sim.id(), rollout.slot(rollout.parts.getFirst()))
                  .filter(rollout::isBroughtBy)
                  .isPresent()
              && seen.devices.add(device)) {
            seen.before.put(device, sim.version());
            checkTouched(rollout, seen);
            checkStage(rollout, sim);
          }
        });
  }

  private void checkStage(Rollout rollout, SimDevice device) {
    Rollout.Deployment one = rollout.deployments.get(device.id());
    if (one == null || rollout.state.stages().get(one.stage).state() == StageState.PENDING) {
      broken(
          4,
          device.index(),
          "has an order of %s, of which it is in no open stage".formatted(rollout.id));
    }
  }

  // By who is in the open stages, and by what the operator asked for: of the stages before and its
  // own the stage's share, and at least a device of every profile beyond those.
  private void checkTouched(Rollout rollout, Touched seen) {
    long members = 0;
    long asked = 0;
    long came = 0;
    // Also those that were removed since.
    long candidates = rollout.stages.stream().mapToLong(List::size).sum();
    for (int stage = 0; stage < rollout.stages.size(); stage++) {
      if (rollout.state.stages().get(stage).state() != StageState.PENDING) {
        members += rollout.stages.get(stage).size();
        came += came(rollout, stage);
        StageRule rule = rollout.plan.steps().get(stage);
        long percent =
            rule.selection() instanceof StageRule.Selection.Percent(int share) ? share : 100;
        asked =
            Math.max(
                Math.ceilDiv(candidates * percent, 100L),
                asked + Math.max(Hardware.values().length, rule.minimum()));
      }
    }
    long allowed = Math.min(members, asked) + came;
    if (seen.devices.size() > allowed) {
      broken(
          4,
          -1,
          "%s touched %d devices, its open stages allow %d"
              .formatted(rollout.id, seen.devices.size(), allowed));
    }
  }

  // Whoever comes later and ranks among a stage's joins it.
  private long came(Rollout rollout, int stage) {
    int first = fleet.settings().devices();
    return rollout.deployments.values().stream()
        .filter(one -> one.stage == stage && fleet.device(one.device).index() >= first)
        .count();
  }

  void reported(int device, ReportedDocument report) {
    Truth truth = devices.get(device);
    for (SlotReport slot : report.slots()) {
      slot.error()
          .filter(error -> error.code() == ErrorCode.INTERNAL)
          .ifPresent(error -> broken(2, device, "reports a fault of its own: " + error.detail()));
    }
    if (truth.reported.isAfter(report.observed())) {
      broken(
          2, device, "reports generation %s after %s".formatted(report.observed(), truth.reported));
    }
    truth.reported = report.observed();
    // One that dies in the moment in which it takes an order knows it when it starts.
    if (report.observed().equals(fleet.store().generation(fleet.device(device).id()))) {
      took(device);
    }
  }

  /** What applications see of versions on trial. */
  TrialWatch trials() {
    return trials;
  }

  /** A version that shadows was given a copy: it counts that itself. */
  void shadowed(SimDevice device) {
    answered(device.index(), 1);
    trials.shadowed();
  }

  /** The models of a unit answer with these versions, 0 for none. */
  void together(SimDevice device, List<Long> versions) {
    if (versions.stream().distinct().count() > 1) {
      broken(4, device.index(), "the models of a unit answer with versions " + versions);
    }
  }

  void running(SimDevice device, Optional<Digest> manifest) {
    if (manifest.isPresent()
        && !fleet.releases().isReleased(manifest.get(), device.hardware().described())) {
      broken(3, device.index(), "runs %s, which nobody released for it".formatted(manifest.get()));
    }
  }

  void changed(Rollout rollout, Optional<RolloutState> before) {
    fleet
        .world()
        .trace()
        .note(
            fleet.world().now(),
            Trace.Kind.ROLLOUT,
            -1,
            rollout.version,
            rollout.state.phase().code().hashCode());
    Touched seen = touched.computeIfAbsent(rollout, key -> new Touched());
    if (before.isEmpty()) {
      return;
    }
    if (rollout.plan.approval().required() && rollout.hasBegun() && !seen.approved) {
      broken(4, -1, rollout.id + " has begun, and nobody but its author agreed");
    }
    // What a pace allows of what is still to be ordered goes on.
    if (before.get().phase().isTerminal() && !before.get().phase().equals(rollout.state.phase())) {
      broken(4, -1, rollout.id + " changed after its end");
    }
    boolean promoted = false;
    // A trial that was good: its stages begin anew.
    boolean promotes = rollout.state.promotion().isPresent() && before.get().promotion().isEmpty();
    List<StageProgress> after =
        promotes ? rollout.state.promotion().get().trial() : rollout.state.stages();
    if (rollout.state.phase() instanceof RolloutPhase.Paused) {
      seen.orderedWhenPaused = ordered(rollout);
    }
    for (int stage = 0; stage < after.size(); stage++) {
      StageState was = before.get().stages().get(stage).state();
      StageState is = after.get(stage).state();
      boolean byHand = after.get(stage).reason().startsWith("promoted");
      promoted |= byHand;
      boolean empty = isEmpty(rollout, stage);
      ran(rollout, stage, seen);
      if (was != is) {
        fleet
            .world()
            .trace()
            .note(
                fleet.world().now(),
                Trace.Kind.STAGE,
                -1,
                rollout.version * 31 + stage,
                is.name().hashCode());
      }
      if (was != is && is == StageState.PASSED && !byHand && !empty) {
        checkPassed(rollout, promotes || rollout.isTrial(), stage, after.get(stage), seen);
      }
    }
    opened(rollout, before.get(), seen);
    if (promotes) {
      seen.beginsAnew();
    }
    if (rollout.state.phase() instanceof RolloutPhase.Succeeded && !promoted) {
      for (int stage = 0; stage < rollout.stages.size(); stage++) {
        if (rollout.state.stages().get(stage).state() != StageState.PASSED) {
          broken(4, -1, "%s succeeded before stage %d passed".formatted(rollout.id, stage));
        }
      }
    }
  }

  // Not what the engine has written down of it: nobody soaks before somebody runs it.
  private void ran(Rollout rollout, int stage, Touched seen) {
    if (rollout.isOpen(stage)
        && !seen.ranSince.containsKey(stage)
        && rollout.stages.get(stage).stream()
            .anyMatch(candidate -> saysItRuns(rollout, rollout.isTrial(), candidate.device()))) {
      seen.ranSince.put(stage, fleet.world().now());
    }
  }

  // Nobody is left in it; or who was held back comes last, and is not watched.
  private static boolean isEmpty(Rollout rollout, int stage) {
    return rollout.plan.steps().get(stage).selection() instanceof StageRule.Selection.Holdback
        || rollout.stages.get(stage).stream()
            .map(candidate -> rollout.deployments.get(candidate.device()))
            .allMatch(one -> one == null || one.state == DeploymentState.REMOVED);
  }

  // After all stages were looked at: one may pass in the step that opens the next.
  private static void opened(Rollout rollout, RolloutState before, Touched seen) {
    for (int stage = 0; stage < rollout.state.stages().size(); stage++) {
      if (before.stages().get(stage).state() == StageState.PENDING
          && rollout.state.stages().get(stage).state() != StageState.PENDING) {
        seen.predictions.put(stage, 0L);
        seen.ranSince.remove(stage);
      }
    }
  }

  /** Somebody wants it to start. */
  void approves(Rollout rollout, String by) {
    touched.computeIfAbsent(rollout, key -> new Touched()).approved |=
        !by.equals(rollout.plan.approval().author());
  }

  /** It was looked at: what it orders it orders when and as fast as it may. */
  void limited(Rollout rollout) {
    Touched seen = touched.computeIfAbsent(rollout, key -> new Touched());
    if (seen.limitedAt == fleet.store().changes()) {
      return;
    }
    seen.limitedAt = fleet.store().changes();
    long before = seen.ordered;
    seen.ordered = ordered(rollout);
    if (seen.ordered <= before) {
      return;
    }
    RolloutPlan.Limits limits = rollout.plan.limits();
    Instant now = fleet.world().instant();
    if (!limits.windows().isEmpty()
        && limits.windows().stream().noneMatch(window -> window.isOpen(now))) {
      broken(4, -1, rollout.id + " ordered outside of its maintenance windows");
    }
    // Who is away leaves its place to another, or the dead ones would end the rollout.
    long underWay =
        rollout.deployments.values().stream()
            .filter(one -> one.state.isInFlight() && fleet.store().isOnline(one.device))
            .count();
    if (underWay > limits.inFlight()) {
      broken(
          4,
          -1,
          "%s has %d devices under way, %d are allowed"
              .formatted(rollout.id, underWay, limits.inFlight()));
    }
  }

  /** It was looked at while it is paused: nobody more may have an order of it. */
  void paused(Rollout rollout) {
    Touched seen = touched.computeIfAbsent(rollout, key -> new Touched());
    if (seen.pausedAt == fleet.store().changes()) {
      return;
    }
    seen.pausedAt = fleet.store().changes();
    long ordered = ordered(rollout);
    if (ordered > seen.orderedWhenPaused) {
      broken(
          4,
          -1,
          "%s is paused, and ordered %d devices more"
              .formatted(rollout.id, ordered - seen.orderedWhenPaused));
    }
  }

  private long ordered(Rollout rollout) {
    return rollout.deployments.keySet().stream()
        .filter(
            device ->
                fleet
                    .store()
                    .desired(device, rollout.slot(rollout.parts.getFirst()))
                    .filter(rollout::isBroughtBy)
                    .isPresent())
        .count();
  }

  private void checkPassed(
      Rollout rollout, boolean ofTrial, int stage, StageProgress passed, Touched seen) {
    long running =
        rollout.stages.get(stage).stream()
            .filter(candidate -> saysItRuns(rollout, ofTrial, candidate.device()))
            .count();
    if (running == 0) {
      broken(4, -1, "%s passed stage %d, and nobody runs it".formatted(rollout.id, stage));
    }
    if (seen.predictions.getOrDefault(stage, 0L) == 0) {
      broken(4, -1, "%s passed stage %d without data".formatted(rollout.id, stage));
    }
    if (rollout.parts.stream()
        .anyMatch(part -> fleet.releases().behaviour(part.version()) == Releases.Behaviour.FAILS)) {
      broken(4, -1, "%s passed stage %d, and answers nothing".formatted(rollout.id, stage));
    }
    // The engine's own books begin anew after a pause; before somebody runs it nothing soaks.
    long written = passed.soakingSince().map(Instant::toEpochMilli).orElse(fleet.world().now());
    long ran = seen.ranSince.getOrDefault(stage, fleet.world().now());
    long soaked = fleet.world().now() - Math.max(written, ran);
    if (soaked < rollout.plan.soak().toMillis()) {
      broken(4, -1, "%s passed stage %d before its soak".formatted(rollout.id, stage));
    }
  }

  private boolean saysItRuns(Rollout rollout, boolean onTrial, DeviceId device) {
    return rollout.parts.stream()
        .allMatch(
            part ->
                fleet
                    .store()
                    .slotReport(device, onTrial ? part.place(rollout.plan.kind()) : part.slot())
                    .flatMap(SlotReport::running)
                    .filter(now -> now.version().equals(part.version()))
                    .isPresent());
  }

  void judged(WindowVerdict verdict) {
    // While all learn, or too few are there, nothing can be found: such a window promises nothing.
    boolean judges = !verdict.streams().isEmpty();
    judged += judges ? 1 : 0;
    Trace trace = fleet.world().trace();
    trace.note(
        fleet.world().now(),
        Trace.Kind.WINDOW,
        -1,
        verdict.window(),
        verdict.judged() * 31L + verdict.learning());
    for (StreamVerdict stream : verdict.streams()) {
      trace.note(
          Double.doubleToLongBits(stream.logEvidence()) * 31
              + Double.doubleToLongBits(stream.effect()));
    }
    boolean isStill = fleet.drift() == Nature.Drift.NONE;
    judgedWithoutDrift += isStill && judges ? 1 : 0;
    boolean isFalse =
        isStill && verdict.found().filter(found -> Nature.isFeature(found.feature())).isPresent();
    falseFindings += isFalse ? 1 : 0;
  }

  /** Predictions that were in no record yet when their device stopped. */
  public long predictionsOpenWhenStopped() {
    return openWhenStopped;
  }

  /** Of these, those that were not a second old. */
  public long predictionsYoungWhenStopped() {
    return youngWhenStopped;
  }

  /** Predictions that were answered and are in no window that was kept. */
  public long predictionsUncounted() {
    return devices.stream().mapToLong(truth -> truth.uncounted).sum();
  }

  /** Records that a device kept and that are not stored, in words. */
  List<String> open(int device) {
    return devices.get(device).open.stream()
        .map(
            kept ->
                "%s %d of epoch %d%s%s"
                    .formatted(
                        kept.stream,
                        kept.sequence,
                        kept.epoch,
                        kept.durable ? " durable" : "",
                        kept.doubtful ? " doubtful" : ""))
        .toList();
  }

  /** Bounds that hold at any time. */
  void checkBounds() {
    for (int i = 0; i < devices.size(); i++) {
      SimDevice device = fleet.device(i);
      if (device.spoolBytes() > fleet.settings().spoolBytesMax()) {
        broken(8, i, "the spool has %d bytes".formatted(device.spoolBytes()));
      }
      // What ran before, what runs and what comes, in each slot and beside it.
      long models = 3L * (1 + device.slots().size()) * fleet.releases().largestBytes();
      long allowed = fleet.settings().spoolBytesMax() + models + FILES_BYTES_MAX;
      if (device.disk().usedBytes() > allowed) {
        broken(
            8,
            i,
            "its files have %d bytes, %d at most".formatted(device.disk().usedBytes(), allowed));
      }
    }
  }

  /** What must hold once everything works again and had its time. */
  void checkSettled() {
    checkBounds();
    trials.check();
    touched.keySet().forEach(this::checkEnds);
    if (fleet.plane().drift().replay() > 0) {
      broken(7, -1, "a window judged once more has another verdict");
    }
    MemoryStore store = fleet.store();
    for (int i = 0; i < devices.size(); i++) {
      SimDevice device = fleet.device(i);
      Truth truth = devices.get(i);
      if (store.isCloned(device.id()) && !cloned.contains(i)) {
        broken(6, i, "counts as cloned, and nobody has its key");
      }
      if (device.isGone()) {
        continue;
      }
      if (!device.isRunning() || !device.isConnected()) {
        broken(2, i, "does not come back");
        continue;
      }
      if (!store.isOnline(device.id())) {
        broken(2, i, "is connected and counts as offline");
      }
      if (device.waiting() > 0) {
        broken(2, i, "%d records are never stored".formatted(device.waiting()));
      }
      Generation wanted = store.generation(device.id());
      if (!device.observed().equals(wanted)) {
        broken(2, i, "observed %s, ordered is %s".formatted(device.observed(), wanted));
      }
      if (!device.isSettled()) {
        broken(2, i, "its order never ends");
      }
      device.slots().forEach(slot -> checkModel(device, slot));
      checkTrial(device);
      checkLost(i, truth);
      device.flush();
      long lost = truth.uncounted - truth.mayBeLost;
      if (device.isRunning() && lost > 0) {
        broken(2, i, "%d predictions were answered and never counted".formatted(lost));
      }
    }
  }

  // Where everything works nobody is waited for, and what was decided can be decided again.
  private void checkEnds(Rollout rollout) {
    if (rollout.state.phase() instanceof RolloutPhase.Aborting
        || rollout.state.phase() instanceof RolloutPhase.RollingBack) {
      broken(4, -1, "%s is %s and never ends".formatted(rollout.id, rollout.state.phase().code()));
    }
    if (rollout.state.phase() instanceof RolloutPhase.Running(int stage)) {
      StageProgress progress = rollout.state.stages().get(stage);
      Instant since = progress.soakingSince().or(progress::deadlineSince).orElseThrow();
      Duration longest =
          rollout.plan.deadlines().stage().plus(rollout.plan.soak()).plus(rollout.window);
      if (fleet.world().instant().isAfter(since.plus(longest))) {
        broken(4, -1, "stage %d of %s never ends".formatted(stage, rollout.id));
      }
    }
    rollout.firstOtherwise().ifPresent(told -> broken(7, -1, told));
  }

  // What was ordered answers, or what answered before and the reason why is told; and what the
  // control plane believes to run does.
  private void checkModel(SimDevice device, SlotWatch slot) {
    MemoryStore store = fleet.store();
    Optional<DesiredSlot> order = store.desired(device.id(), slot.slot());
    Optional<SlotReport> report = store.slotReport(device.id(), slot.slot());
    Optional<Digest> runs = device.runs(slot.slot());
    Optional<Digest> told = report.flatMap(SlotReport::running).map(SlotReport.Running::manifest);
    if (!told.equals(runs)) {
      broken(2, device.index(), "runs %s and is believed to run %s".formatted(runs, told));
    }
    if (order.isEmpty()) {
      return;
    }
    if (order.get().mode() instanceof SlotMode.Off) {
      if (runs.isPresent()) {
        broken(
            2, device.index(), "runs version %d in a slot that is off".formatted(device.version()));
      }
      return;
    }
    if (slot.isProven() && runs.isEmpty()) {
      broken(2, device.index(), "nothing answers, although a version was proven");
    }
    long revision = order.get().revision();
    boolean explained =
        report.filter(said -> said.revision() == revision && said.error().isPresent()).isPresent();
    if (!runs.equals(Optional.of(order.get().manifest())) && !explained) {
      broken(
          2,
          device.index(),
          "runs version %d, ordered is %s, and nobody is told why: %s"
              .formatted(device.version(), order.get().version(), report));
    }
    touched.forEach((rollout, seen) -> checkBack(rollout, seen, device, order.get(), explained));
  }

  // A trial that is over leaves nothing behind; one that goes on has its place.
  private void checkTrial(SimDevice device) {
    if (!fleet.hasTrials()) {
      return;
    }
    SlotId slot = RolloutPart.trialBeside(RolloutShell.SLOT);
    Optional<DesiredSlot> order =
        fleet.store().desired(device.id(), slot).filter(one -> one.mode().trial().isPresent());
    // It keeps to maintenance windows, which open once a day, and to a pace.
    Instant promotedSince = fleet.world().instant().minus(PROMOTION);
    boolean goesOn =
        order.stream()
            .anyMatch(
                one ->
                    touched.keySet().stream()
                        .anyMatch(
                            rollout ->
                                rollout.isBroughtBy(one)
                                    && (!rollout.state.phase().isTerminal()
                                        || rollout.isPromotedSince(promotedSince))));
    if (order.isPresent() && !goesOn) {
      broken(
          4, device.index(), "is still ordered the trial of %s".formatted(order.get().version()));
    }
    if (device.hasTrial() && !goesOn) {
      broken(4, device.index(), "a version is still on trial, and no trial goes on");
    }
  }

  // By what ran when the rollout's order arrived. Who cannot get that any more is told of, with
  // the reason.
  private void checkBack(
      Rollout rollout, Touched seen, SimDevice device, DesiredSlot order, boolean explained) {
    Rollout.Deployment one = rollout.deployments.get(device.id());
    boolean isTold = explained && one != null && one.state == DeploymentState.RESTORE_FAILED;
    if (rollout.state.phase() instanceof RolloutPhase.RolledBack
        && order.rollout().filter(rollout.id::equals).isPresent()
        && !isTold
        && device.version() == rollout.version
        && seen.before.getOrDefault(device.index(), rollout.version) != rollout.version) {
      broken(
          4,
          device.index(),
          "runs version %d of %s, which was rolled back".formatted(rollout.version, rollout.id));
    }
  }

  private void checkLost(int index, Truth truth) {
    SimDevice device = fleet.device(index);
    MemoryStore store = fleet.store();
    long durable = truth.open.stream().filter(kept -> kept.durable).count();
    long accounted = store.lost(device.id());
    if (store.missing(device.id()) > 0) {
      broken(
          2,
          index,
          "%d records are missing and unaccounted for".formatted(store.missing(device.id())));
    }
    // Of a stream that has nothing more to send only the report tells, and that counts those, too,
    // which were never kept.
    long said = store.saidLost(device.id());
    long counted = Math.max(accounted, said - truth.refused);
    if (durable > counted) {
      broken(
          2,
          index,
          "%d records were kept and are neither stored nor counted as lost (%d are)"
              .formatted(durable, counted));
    }
    // Not those that it found damaged: they may have been stored before, and it not heard of that.
    long dropped = store.saidDropped(device.id());
    long gone = truth.open.size() + truth.refused;
    if (dropped > gone) {
      broken(5, index, "says that it dropped %d records, and %d are gone".formatted(dropped, gone));
    }
    if (said < accounted) {
      broken(2, index, "says that it lost %d records, and %d are lost".formatted(said, accounted));
    }
    if (accounted > truth.open.size()) {
      broken(5, index, "%d records count as lost, %d are".formatted(accounted, truth.open.size()));
    }
    long lost = truth.open.stream().mapToLong(kept -> kept.predictions).sum();
    if (truth.storedPredictions + lost != truth.keptPredictions) {
      broken(
          5,
          index,
          "%d predictions were kept, %d stored, %d lost"
              .formatted(truth.keptPredictions, truth.storedPredictions, lost));
    }
  }
}
