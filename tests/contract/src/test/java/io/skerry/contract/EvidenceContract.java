package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.contract.Records.Counted;
import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.LatencyEdge;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotPhase;
import io.skerry.telemetry.drift.BaselineBins;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What gates judge is counted of the right devices, of each record once, in whatever order. */
interface EvidenceContract {
  int DEVICES = 10;
  Wish IN_STAGES = Wish.of(2, StageRule.percent(30), StageRule.percent(60), StageRule.percent(100));

  /** Without devices. */
  Tables tables();

  @BeforeEach
  default void enrolDevices() {
    for (int device = 0; device < DEVICES; device++) {
      tables().enrol(RolloutFleet.device(device));
    }
  }

  /** A rollout of version 2 to devices that run version 1, and what they send. */
  final class Stage {
    final Tables tables;
    final RolloutFleet fleet;
    final RolloutId rollout;
    final List<DeviceId> newer;
    final List<DeviceId> older;
    final Instant start;
    private final Map<DeviceId, Records> records = new HashMap<>();

    Stage(Tables tables, Wish wish) {
      this(tables, wish, new RolloutFleet(tables));
    }

    Stage(Tables tables, Wish wish, RolloutFleet fleet) {
      this.tables = tables;
      this.fleet = fleet;
      fleet.everywhere(1);
      fleet.pass(Duration.ofSeconds(2));
      rollout = fleet.begin(wish);
      fleet.look(rollout);
      newer = fleet.hear();
      fleet.report(newer, SlotPhase.COMMITTED);
      fleet.look(rollout);
      older = new ArrayList<>();
      for (int device = 0; device < DEVICES; device++) {
        if (!newer.contains(RolloutFleet.device(device))) {
          older.add(RolloutFleet.device(device));
        }
      }
      start = Records.beginning(fleet.now());
    }

    Records of(DeviceId device) {
      return records.computeIfAbsent(device, id -> new Records(tables, id, RolloutFleet.GATEWAY));
    }

    /** One window of one device. */
    void window(DeviceId device, Counted counted) {
      of(device).stored(1, of(device).window(start, counted));
    }

    Evidence evidence() {
      return tables.books().forPerson(rollout, RolloutBooks.Page::evidence).orElseThrow();
    }

    /** Whether anything was counted of what versions do. */
    boolean tells() {
      return evidence().profiles().values().stream()
          .flatMap(profile -> profile.metrics().keySet().stream())
          .anyMatch(metric -> metric != Metric.LOST_DEVICES);
    }

    Comparison of(Metric metric) {
      return of(evidence().profiles(), metric);
    }

    Comparison alone(Metric metric) {
      return of(evidence().alone(), metric);
    }

    private static Comparison of(Map<ProfileId, Evidence.OfProfile> profiles, Metric metric) {
      return of(profiles, RolloutFleet.GATEWAY, metric);
    }

    private static Comparison of(
        Map<ProfileId, Evidence.OfProfile> profiles, String profile, Metric metric) {
      return Optional.ofNullable(profiles.get(new ProfileId(profile)))
          .map(Evidence.OfProfile::metrics)
          .map(metrics -> metrics.get(metric))
          .orElse(Comparison.NONE);
    }
  }

  private Stage stage() {
    return new Stage(tables(), IN_STAGES);
  }

  private static void isSum(ArmSums sums, double[]... devices) {
    ArmSums expected = ArmSums.NONE;
    for (double[] device : devices) {
      expected = expected.plus(device[0], device[1]);
    }
    assertThat(sums.devices()).isEqualTo(expected.devices());
    assertThat(sums.trials()).isCloseTo(expected.trials(), within(1e-9));
    assertThat(sums.hits()).isCloseTo(expected.hits(), within(1e-9));
    assertThat(sums.trialsSquared()).isCloseTo(expected.trialsSquared(), within(1e-6));
    assertThat(sums.product()).isCloseTo(expected.product(), within(1e-6));
    assertThat(sums.hitsSquared()).isCloseTo(expected.hitsSquared(), within(1e-6));
  }

  private static double[] device(double trials, double hits) {
    return new double[] {trials, hits};
  }

  @Test
  default void countsEachMetricOfEachVersion() {
    Stage stage = stage();
    DeviceId one = stage.newer.get(0);
    DeviceId two = stage.newer.get(1);
    DeviceId control = stage.older.getFirst();
    int budget =
        LatencyEdge.overBudget(
            ProfileCatalog.builtIn().profile(RolloutFleet.GATEWAY).orElseThrow().latencyBudget());
    long memory = RolloutFleet.OF_GATEWAY.memoryBytes();
    Counted slow = Counted.of(2, 50).failing(5).taking(budget).scoring(60);
    stage.of(one).stored(1, stage.of(one).window(stage.start, slow, memory / 4));
    stage.window(two, Counted.of(2, 20).taking(budget - 1).scoring(60));
    stage.window(control, Counted.of(1, 30).scoring(10));

    Comparison failed = stage.of(Metric.FAILED_PREDICTIONS);
    isSum(failed.newer(), device(50, 5), device(20, 0));
    isSum(failed.older(), device(30, 0));
    isSum(stage.of(Metric.RESTARTS).newer(), device(1, 0), device(1, 0));
    isSum(stage.of(Metric.OVER_BUDGET).newer(), device(45, 45), device(20, 0));
    isSum(stage.of(Metric.OVER_BUDGET).older(), device(30, 0));
    // Nothing is known of what was usual.
    isSum(stage.of(Metric.SLOW_PREDICTIONS).newer(), device(45, 45), device(20, 0));
    isSum(stage.of(Metric.MEMORY).newer(), device(100, 25));
    isSum(stage.of(Metric.MEMORY).older());
    double high = 60.5 / 64;
    double low = 10.5 / 64;
    isSum(stage.of(Metric.PREDICTIONS).newer(), device(45, 45 * high), device(20, 20 * high));
    isSum(stage.of(Metric.PREDICTIONS).older(), device(30, 30 * low));
    isSum(
        stage.of(Metric.CONFIDENCE).newer(),
        device(45, 45 * (2 * high - 1)),
        device(20, 20 * (2 * high - 1)));
    isSum(stage.of(Metric.CONFIDENCE).older(), device(30, 30 * (1 - 2 * low)));
  }

  @Test
  default void countsOutcomesByWhatBecameTrue() {
    Stage stage = stage();
    DeviceId one = stage.newer.getFirst();
    Records of = stage.of(one);
    of.stored(
        1,
        of.outcome(stage.start, 2, .9, 1),
        of.outcome(stage.start, 2, .9, 0),
        of.outcome(stage.start, 2, .5, 1),
        of.outcome(stage.start, 2, .1, 0));
    Records before = stage.of(stage.older.getFirst());
    before.stored(1, before.outcome(stage.start, 1, .2, 1));

    isSum(stage.of(Metric.ACCURACY).newer(), device(4, 3));
    isSum(stage.of(Metric.ACCURACY_POSITIVE).newer(), device(2, 2));
    isSum(stage.of(Metric.ACCURACY_NEGATIVE).newer(), device(2, 1));
    isSum(stage.of(Metric.ACCURACY).older(), device(1, 0));
    isSum(stage.of(Metric.ERROR).newer());
  }

  @Test
  default void countsByHowMuchAnAmountWasOff() {
    Stage stage =
        new Stage(tables(), Wish.of(Tables.AMOUNT, StageRule.percent(30), StageRule.percent(100)));
    Records of = stage.of(stage.newer.getFirst());
    BaselineBins bins = BaselineBins.of(Tables.monitoring(Tables.AMOUNT).getScore().getValue());
    double range = bins.edges().getLast() - bins.edges().getFirst();

    of.stored(
        1,
        of.outcome(stage.start, Tables.AMOUNT, .5, .5 + range / 4),
        of.outcome(stage.start, Tables.AMOUNT, .5, .5 + 3 * range));

    isSum(stage.of(Metric.ERROR).newer(), device(2, 1.25));
    isSum(stage.of(Metric.ACCURACY).newer());
  }

  @Test
  default void countsARecordOnceHoweverOftenItComes() {
    Stage stage = stage();
    DeviceId one = stage.newer.getFirst();
    Records of = stage.of(one);
    RecordBatch windows = of.stored(1, of.window(stage.start, Counted.of(2, 50).failing(1)));
    RecordBatch outcomes = of.stored(1, of.outcome(stage.start, 2, .9, 1));
    Evidence before = stage.evidence();

    tables().take(one, RecordStream.WINDOWS, List.of(windows));
    tables().take(one, RecordStream.FEEDBACK, List.of(outcomes));

    assertThat(stage.evidence()).isEqualTo(before);
    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(50, 1));
  }

  @Test
  default void countsTheSameInWhateverOrderTheyCome() {
    Stage stage = stage();
    DeviceId one = stage.newer.get(0);
    DeviceId two = stage.newer.get(1);
    List<Record> windows = new ArrayList<>();
    List<Record> outcomes = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      Instant at = stage.start.plusSeconds(i);
      windows.add(stage.of(one).window(at, Counted.of(2, 10 + i).failing(i % 3).scoring(5 * i)));
      outcomes.add(stage.of(one).outcome(at, 2, i % 2, i % 3 == 0 ? 1 : 0));
    }
    stage.of(one).stored(1, windows);
    stage.of(one).stored(1, outcomes);

    Collections.shuffle(windows, new Random(3));
    Collections.shuffle(outcomes, new Random(4));
    for (int i = 0; i < windows.size(); i++) {
      stage.of(two).stored(1, outcomes.get(i));
      stage.of(two).stored(1, windows.get(i));
    }

    for (Metric metric :
        List.of(
            Metric.FAILED_PREDICTIONS,
            Metric.RESTARTS,
            Metric.PREDICTIONS,
            Metric.CONFIDENCE,
            Metric.ACCURACY,
            Metric.ACCURACY_POSITIVE)) {
      ArmSums both = stage.of(metric).newer();
      // Two devices that are alike.
      double[] each = device(both.trials() / 2, both.hits() / 2);
      isSum(both, each, each);
    }
  }

  @Test
  default void countsEachBootThatABatchTellsOfAsARestart() {
    Stage stage = stage();
    Records of = stage.of(stage.newer.getFirst());

    of.stored(1, of.outcome(stage.start, 2, .9, 1));
    boots(of, stage.start, 6, 5, 6, 8);
    // Of the first batch.
    isSum(stage.of(Metric.RESTARTS).newer(), device(4, 2));
    boots(of, stage.start, 11, 8, 9, 11, 12);
    // Of a backlog.
    isSum(stage.of(Metric.RESTARTS).newer(), device(9, 5));

    boots(of, stage.start, 12);
    boots(of, stage.start, 7);
    // Those that were known, and late ones, are none.
    isSum(stage.of(Metric.RESTARTS).newer(), device(11, 5));
  }

  // A batch is of one boot.
  private static void boots(Records of, Instant start, long... epochs) {
    of.storedTogether(
        Arrays.stream(epochs)
            .mapToObj(epoch -> of.batch(epoch, List.of(of.window(start, Counted.of(2, 10)))))
            .toList());
  }

  @Test
  default void countsOnlyWhatBeganWithTheStage() {
    Stage stage = stage();
    DeviceId one = stage.newer.getFirst();
    Instant before = stage.start.minusSeconds(60);
    Records of = stage.of(one);
    of.stored(1, of.window(before, Counted.of(2, 70)));
    of.stored(1, of.outcome(before, 2, .9, 1));
    Records control = stage.of(stage.older.getFirst());
    control.stored(1, control.window(before, Counted.of(1, 70)));
    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer());
    isSum(stage.of(Metric.FAILED_PREDICTIONS).older());
    isSum(stage.of(Metric.ACCURACY).newer());

    stage.window(one, Counted.of(2, 30));
    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(30, 0));
  }

  @Test
  default void aStageBeginsWithoutEvidenceAndIsToldNoneOfTheOneBefore() {
    Stage stage = stage();
    DeviceId one = stage.newer.getFirst();
    stage.window(one, Counted.of(2, 30));
    RolloutFleet fleet = stage.fleet;

    fleet.pass(Duration.ofSeconds(5));
    fleet.act(stage.rollout, new RolloutEvent.Promote("tested"));
    assertThat(stage.tells()).isFalse();

    // Late, of the stage before.
    stage.window(one, Counted.of(2, 40));
    assertThat(stage.tells()).isFalse();
    fleet.look(stage.rollout);
    List<DeviceId> ordered = fleet.hear();
    fleet.report(ordered, SlotPhase.COMMITTED);
    fleet.look(stage.rollout);
    Instant now = Records.beginning(fleet.now());
    Records of = stage.of(one);
    of.stored(1, of.window(now, Counted.of(2, 50)));
    Records own = stage.of(ordered.getFirst());
    own.stored(1, own.window(now, Counted.of(2, 60)));

    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(50, 0), device(60, 0));
    isSum(stage.alone(Metric.FAILED_PREDICTIONS).newer(), device(60, 0));
  }

  @Test
  default void controlsAreThoseThatWereNotTouched() {
    Stage stage = new Stage(tables(), IN_STAGES.holdingBack(2));
    Map<DeviceId, DeploymentState> placed = tables().deployments(stage.rollout);
    assertThat(placed).hasSize(stage.newer.size());
    double[][] controls = new double[stage.older.size()][];
    for (int i = 0; i < stage.older.size(); i++) {
      // Also those of later stages, and who is held back.
      stage.window(stage.older.get(i), Counted.of(1, 10 + i));
      controls[i] = device(10 + i, 0);
    }

    isSum(stage.of(Metric.FAILED_PREDICTIONS).older(), controls);

    // What runs the new version is no control for what it did with the old one.
    stage.window(stage.newer.getFirst(), Counted.of(1, 99));
    isSum(stage.of(Metric.FAILED_PREDICTIONS).older(), controls);
    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer());
    // What it was not ordered is no evidence either.
    stage.window(stage.older.getFirst(), Counted.of(2, 99));
    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer());
  }

  @Test
  default void whoRunsAnotherModelAndIsNotToGetThisOneIsNoControl() {
    StageRule three = new StageRule(new StageRule.Selection.Count(3), 0, false);

    Stage stage = new Stage(tables(), Wish.of(2, three, three));
    List<DeviceId> outside = new ArrayList<>(tables().outsiders(stage.rollout).keySet());
    assertThat(outside).hasSize(4);
    List<DeviceId> waiting = new ArrayList<>(stage.older);
    waiting.removeAll(outside);

    stage.window(outside.get(0), Counted.of(1, 20));
    Records other = stage.of(outside.get(1));
    other.stored(1, other.ofAnotherModel(other.window(stage.start, Counted.of(1, 40))));
    Records replaced = stage.of(waiting.getFirst());
    replaced.stored(1, replaced.ofAnotherModel(replaced.window(stage.start, Counted.of(1, 30))));

    // Whose slot is to be taken over is one, whatever runs there.
    isSum(stage.of(Metric.FAILED_PREDICTIONS).older(), device(20, 0), device(30, 0));
    isSum(stage.of(Metric.RESTARTS).older(), device(1, 0), device(1, 0));
  }

  @Test
  default void whatIsSlowWasChosenByTheVersionThatTheProfileRan() {
    RolloutFleet fleet = new RolloutFleet(tables());
    for (int i = DEVICES; i < DEVICES + 4; i++) {
      tables().enrol(RolloutFleet.device(i));
      fleet.becomes(RolloutFleet.device(i), RolloutFleet.OF_BOARD);
    }
    fleet.everywhere(1);
    fleet.pass(Duration.ofSeconds(2));
    StageRule boards =
        new StageRule(new StageRule.Selection.Profile(new ProfileId(RolloutFleet.BOARD)), 0, false);
    RolloutId before = fleet.begin(Wish.of(3, boards));
    fleet.look(before);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(before);
    fleet.act(before, new RolloutEvent.Promote("tested"));
    Instant begin = Records.beginning(fleet.now()).minusSeconds(100);
    for (int i = 0; i < DEVICES + 4; i++) {
      boolean board = i >= DEVICES;
      String profile = board ? RolloutFleet.BOARD : RolloutFleet.GATEWAY;
      Records of = new Records(tables(), RolloutFleet.device(i), profile);
      of.stored(1, of.window(begin, Counted.of(board ? 3 : 1, 1000).taking(board ? 8 : 12)));
    }

    fleet.pass(Duration.ofSeconds(2));
    RolloutId rollout = fleet.begin(Wish.of(2, StageRule.percent(100)));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(rollout);
    Instant now = Records.beginning(fleet.now());
    Records of = new Records(tables(), RolloutFleet.device(DEVICES), RolloutFleet.BOARD);
    of.stored(
        2,
        of.window(now, Counted.of(2, 30).taking(9)),
        of.window(now.plusSeconds(1), Counted.of(2, 50).taking(8)));

    Evidence seen = tables().books().forPerson(rollout, RolloutBooks.Page::evidence).orElseThrow();
    isSum(
        Stage.of(seen.profiles(), RolloutFleet.BOARD, Metric.SLOW_PREDICTIONS).newer(),
        device(80, 30));
  }

  @Test
  default void whoIsAwayIsToldOfThoseThatWereThere() {
    Stage stage = stage();
    RolloutFleet fleet = stage.fleet;
    for (DeviceId control : stage.older.subList(0, 4)) {
      stage.window(control, Counted.of(1, 10));
    }
    tables().present(stage.newer.getFirst(), false);
    tables().present(stage.older.getFirst(), false);
    // It told nothing since the stage opened: nobody knows whether it was there.
    tables().present(stage.older.getLast(), false);
    fleet.pass(Duration.ofSeconds(5));
    fleet.look(stage.rollout);
    isSum(stage.of(Metric.LOST_DEVICES).newer(), device(1, 1), device(1, 0), device(1, 0));
    isSum(
        stage.of(Metric.LOST_DEVICES).older(),
        device(1, 1),
        device(1, 0),
        device(1, 0),
        device(1, 0));

    tables().present(stage.newer.getFirst(), true);
    fleet.pass(Duration.ofSeconds(5));
    fleet.look(stage.rollout);
    isSum(stage.of(Metric.LOST_DEVICES).newer(), device(1, 0), device(1, 0), device(1, 0));
  }

  @Test
  default void whoWaitsInAnOpenStageForBeingAwayIsNoControlOfThat() {
    Stage stage = stage();
    RolloutFleet fleet = stage.fleet;
    fleet.pass(Duration.ofSeconds(5));
    stage.older.forEach(control -> tables().present(control, false));
    fleet.act(stage.rollout, new RolloutEvent.Promote("tested"));
    fleet.look(stage.rollout);
    Instant now = Records.beginning(fleet.now());
    for (DeviceId control : stage.older) {
      stage.of(control).stored(1, stage.of(control).window(now, Counted.of(1, 10)));
    }
    fleet.pass(Duration.ofSeconds(5));
    fleet.look(stage.rollout);
    // Three wait in the second stage, and four in none yet.
    assertThat(stage.of(Metric.LOST_DEVICES).older()).isEqualTo(ArmSums.ofDevices(4, 4));
    assertThat(stage.alone(Metric.LOST_DEVICES).newer()).isEqualTo(ArmSums.NONE);
    assertThat(stage.of(Metric.LOST_DEVICES).newer()).isEqualTo(ArmSums.NONE);
  }

  /** Of the stage before as many are away as always are; of those that tell something none is. */
  @Test
  default void whoIsAwayOfAnEarlierStageCountsOnceItWasThereInThisOne() {
    Stage stage = stage();
    RolloutFleet fleet = stage.fleet;
    fleet.pass(Duration.ofSeconds(5));
    fleet.act(stage.rollout, new RolloutEvent.Promote("tested"));
    fleet.look(stage.rollout);
    Instant now = Records.beginning(fleet.now());
    DeviceId telling = stage.newer.getFirst();
    stage.of(telling).stored(2, stage.of(telling).window(now, Counted.of(2, 10)));
    stage.newer.forEach(device -> tables().present(device, false));
    fleet.pass(Duration.ofSeconds(5));
    fleet.look(stage.rollout);

    ArmSums ordered = stage.alone(Metric.LOST_DEVICES).newer();
    assertThat(stage.of(Metric.LOST_DEVICES).newer())
        .isEqualTo(ordered.plus(ArmSums.ofDevices(1, 1)));
  }

  @Test
  default void whoComesLaterIsAControl() {
    Stage stage = stage();
    DeviceId newcomer = RolloutFleet.device(DEVICES);
    tables().enrol(newcomer);

    stage.window(newcomer, Counted.of(1, 25));

    isSum(stage.of(Metric.FAILED_PREDICTIONS).older(), device(25, 0));
  }

  @Test
  default void onTrialADeviceIsItsOwnControlButForItsProcess() {
    Stage stage = new Stage(tables(), IN_STAGES.onTrial(new RolloutKind.Split(.5, false)));
    assertThat(tables().deployments(stage.rollout).values())
        .containsOnly(DeploymentState.COMMITTED);
    Records of = stage.of(stage.newer.getFirst());
    // The old version beside the new one and the new one, of a process that began anew twice.
    for (long epoch = 1; epoch <= 3; epoch++) {
      Record beside = of.onTrial(of.window(stage.start, Counted.of(2, 20).failing(1)));
      of.stored(epoch, of.window(stage.start, Counted.of(1, 30)), beside);
    }
    stage.window(stage.older.get(0), Counted.of(1, 70).failing(7));
    Records again = stage.of(stage.older.get(1));
    again.stored(2, again.window(stage.start, Counted.of(1, 10)));
    again.stored(3, again.window(stage.start, Counted.of(1, 10)));

    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(60, 3));
    isSum(stage.of(Metric.FAILED_PREDICTIONS).older(), device(90, 0));
    isSum(stage.of(Metric.RESTARTS).newer(), device(3, 2));
    isSum(stage.of(Metric.RESTARTS).older(), device(1, 0), device(2, 1));
    // Both versions lie in the memory of a device on trial, and one in that of the others.
    isSum(stage.of(Metric.MEMORY).newer());
    isSum(stage.of(Metric.MEMORY).older());
  }

  @Test
  default void onTrialADeviceThatWasUntouchedIsNoControlOfItsProcessAnyMore() {
    Stage stage = new Stage(tables(), IN_STAGES.onTrial(new RolloutKind.Split(.5, false)));
    RolloutFleet fleet = stage.fleet;
    Records again = stage.of(stage.older.getFirst());
    again.stored(2, again.window(stage.start, Counted.of(1, 10)));
    again.stored(3, again.window(stage.start, Counted.of(1, 10)));
    isSum(stage.of(Metric.RESTARTS).older(), device(2, 1));

    fleet.pass(Duration.ofSeconds(5));
    fleet.act(stage.rollout, new RolloutEvent.Promote("tested"));
    fleet.look(stage.rollout);
    List<DeviceId> ordered = fleet.hear();
    DeviceId one = ordered.getFirst();
    Instant now = Records.beginning(fleet.now());
    // Its turn came and it has not seen the order.
    fleet.look(stage.rollout);
    Records untouched =
        stage.of(stage.older.stream().filter(o -> !ordered.contains(o)).findFirst().orElseThrow());
    untouched.stored(4, untouched.window(now, Counted.of(1, 10)));
    fleet.report(ordered, SlotPhase.COMMITTED);
    fleet.look(stage.rollout);
    Records of = stage.of(one);
    of.stored(7, of.window(now, Counted.of(1, 15)), of.onTrial(of.window(now, Counted.of(2, 25))));
    of.stored(8, of.window(now, Counted.of(1, 15)));

    isSum(stage.of(Metric.FAILED_PREDICTIONS).older(), device(30, 0));
    isSum(stage.alone(Metric.FAILED_PREDICTIONS).older(), device(30, 0));
    isSum(stage.of(Metric.RESTARTS).older(), device(1, 0));
    // What belongs to the process has the same controls of a stage alone.
    isSum(stage.alone(Metric.RESTARTS).older(), device(1, 0));
    isSum(stage.alone(Metric.RESTARTS).newer(), device(1, 0));
  }

  @Test
  default void whoWaitsForWhatIsPromotedIsAControlButForItsMemory() {
    Stage stage = new Stage(tables(), IN_STAGES.onTrial(new RolloutKind.Split(.5, true)));
    RolloutFleet fleet = stage.fleet;
    while (fleet.state(stage.rollout).promotion().isEmpty()) {
      fleet.pass(Duration.ofSeconds(5));
      fleet.act(stage.rollout, new RolloutEvent.Promote("tested"));
      fleet.look(stage.rollout);
      fleet.report(fleet.hear(), SlotPhase.COMMITTED);
      fleet.look(stage.rollout);
    }
    List<DeviceId> first = fleet.in(stage.rollout, DeploymentState.COMMITTED);
    List<DeviceId> waiting = fleet.in(stage.rollout, DeploymentState.PENDING);
    assertThat(first).isNotEmpty();
    assertThat(waiting).isNotEmpty();
    Instant now = Records.beginning(fleet.now().plusSeconds(5));

    Records of = stage.of(first.getFirst());
    of.stored(7, of.window(now, Counted.of(2, 25)));
    Records with = stage.of(waiting.getFirst());
    with.stored(
        7,
        with.window(now, Counted.of(1, 30)),
        with.onTrial(with.window(now, Counted.of(2, 40).failing(4))));
    waiting.forEach(device -> tables().present(device, false));
    fleet.pass(Duration.ofSeconds(10));
    fleet.look(stage.rollout);

    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(25, 0));
    isSum(stage.of(Metric.FAILED_PREDICTIONS).older(), device(30, 0));
    isSum(stage.of(Metric.RESTARTS).newer(), device(1, 0));
    isSum(stage.of(Metric.RESTARTS).older(), device(1, 0));
    isSum(stage.of(Metric.MEMORY).older());
    assertThat(stage.of(Metric.LOST_DEVICES).older())
        .as("of stages that are not open again")
        .isEqualTo(ArmSums.ofDevices(1, 1));
    assertThat(stage.of(Metric.LOST_DEVICES).newer()).isEqualTo(ArmSums.ofDevices(first.size(), 0));
  }

  @Test
  default void whoIsOnItsWayCountsOnNeitherSide() {
    RolloutFleet fleet = new RolloutFleet(tables());
    Stage stage = new Stage(tables(), IN_STAGES, fleet);
    fleet.pass(Duration.ofSeconds(5));
    fleet.act(stage.rollout, new RolloutEvent.Promote("tested"));
    fleet.look(stage.rollout);
    List<DeviceId> ordered = fleet.hear();
    fleet.report(ordered, SlotPhase.DOWNLOADING);
    fleet.look(stage.rollout);
    DeviceId one = ordered.getFirst();
    Instant now = Records.beginning(fleet.now());
    Records of = stage.of(one);
    of.stored(1, of.window(now, Counted.of(1, 10)));
    of.stored(1, of.window(now, Counted.of(2, 10)));
    assertThat(stage.tells()).isFalse();

    fleet.report(List.of(one), SlotPhase.PROBATION);
    fleet.look(stage.rollout);
    of.stored(1, of.window(now.plusSeconds(1), Counted.of(2, 15)));

    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(15, 0));
  }

  @Test
  default void whatIsSlowWasChosenByTheVersionThatMostRan() {
    RolloutFleet fleet = new RolloutFleet(tables());
    List<Long> usual = new ArrayList<>(Collections.nCopies(32, 0L));
    Instant begin = Records.beginning(fleet.now()).minusSeconds(100);
    for (int i = 0; i < 10; i++) {
      Records of = new Records(tables(), RolloutFleet.device(i), RolloutFleet.GATEWAY);
      // One in a hundred takes long.
      int bin = i == 0 ? 14 : 8;
      int predictions = i == 0 ? 10 : 110;
      of.stored(1, of.window(begin, Counted.of(1, predictions).taking(bin)));
      usual.set(bin, usual.get(bin) + predictions);
      // Nobody runs that any more.
      of.stored(1, of.window(begin, Counted.of(3, 500).taking(30)));
    }
    int edge = LatencyEdge.of(usual, Optional.empty()).orElseThrow();
    assertThat(edge).isBetween(9, 14);

    Stage stage = new Stage(tables(), IN_STAGES, fleet);
    Records of = new Records(tables(), stage.newer.getFirst(), RolloutFleet.GATEWAY);
    of.stored(
        2,
        of.window(stage.start, Counted.of(2, 30).taking(edge)),
        of.window(stage.start.plusSeconds(1), Counted.of(2, 50).taking(edge - 1)));

    isSum(stage.of(Metric.SLOW_PREDICTIONS).newer(), device(80, 30));
  }

  // Windows of version 1 before the rollout: one in a hundred predictions took bin 14, the others
  // 9.
  private RolloutFleet usual(int foldOfMost, int foldOfOne) {
    RolloutFleet fleet = new RolloutFleet(tables());
    Instant begin = Records.beginning(fleet.now()).minusSeconds(100);
    for (int i = 0; i < DEVICES; i++) {
      Records of = new Records(tables(), RolloutFleet.device(i), RolloutFleet.GATEWAY);
      int fold = i == 1 ? foldOfOne : foldOfMost;
      Counted counted = Counted.of(1, i == 0 ? 10 : 110).taking(i == 0 ? 14 : 9).folding(fold);
      of.stored(1, of.window(begin, counted));
    }
    return fleet;
  }

  // Of the next boot: what was usual has the first numbers of the one before.
  private static void later(Stage stage, DeviceId device, Counted counted) {
    stage.of(device).stored(2, stage.of(device).window(stage.start, counted));
  }

  private static void isUntold(Stage stage, Metric of, int newer, int older) {
    assertThat(stage.of(of).newer().trials()).as("windows of %s", of).isEqualTo(newer);
    assertThat(stage.of(of).newer().hits()).isZero();
    assertThat(stage.of(of).older().trials()).as("windows of %s, controls", of).isEqualTo(older);
  }

  @Test
  default void aWindowThatAddedBinsUpAcrossTheEdgeTellsNothingOfIt() {
    Stage stage = stage();
    int budget =
        LatencyEdge.overBudget(
            ProfileCatalog.builtIn().profile(RolloutFleet.GATEWAY).orElseThrow().latencyBudget());
    assertThat(budget % 2).isOne();

    stage.window(stage.newer.get(0), Counted.of(2, 30).taking(budget));
    stage.window(stage.newer.get(1), Counted.of(2, 50).taking(budget).folding(2));
    // Nothing lies there; but of those windows only the slow ones would be left out.
    stage.window(stage.newer.get(2), Counted.of(2, 70).taking(4).folding(4));
    stage.window(stage.older.get(0), Counted.of(1, 20).taking(4));
    stage.window(stage.older.get(1), Counted.of(1, 40).taking(budget + 4).folding(4));

    isSum(stage.of(Metric.OVER_BUDGET).newer(), device(30, 30));
    isSum(stage.of(Metric.OVER_BUDGET).older(), device(20, 0));
    isSum(stage.of(Metric.SLOW_PREDICTIONS).newer(), device(30, 30));
    isSum(stage.of(Metric.SLOW_PREDICTIONS).older(), device(20, 0));
    isUntold(stage, Metric.OVER_BUDGET_UNTOLD, 2, 1);
    isUntold(stage, Metric.SLOW_PREDICTIONS_UNTOLD, 2, 1);
    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(30, 0), device(50, 0), device(70, 0));
  }

  @Test
  default void anEdgeOnABorderOfWhatWasAddedUpIsExact() {
    Stage stage = new Stage(tables(), IN_STAGES, usual(1, 1));

    later(stage, stage.newer.get(0), Counted.of(2, 30).taking(9).folding(2));
    later(stage, stage.newer.get(1), Counted.of(2, 50).taking(11).folding(2));
    later(stage, stage.newer.get(2), Counted.of(2, 70).taking(20).folding(4));

    isSum(stage.of(Metric.SLOW_PREDICTIONS).newer(), device(30, 0), device(50, 50));
    isUntold(stage, Metric.SLOW_PREDICTIONS_UNTOLD, 1, 0);
  }

  @Test
  default void theEdgeLiesWhereMostDevicesTell() {
    Stage stage = new Stage(tables(), IN_STAGES, usual(4, 1));
    int budget =
        LatencyEdge.overBudget(
            ProfileCatalog.builtIn().profile(RolloutFleet.GATEWAY).orElseThrow().latencyBudget());

    // Bins 8 to 11 were added up, and 12 to 15.
    later(stage, stage.newer.get(0), Counted.of(2, 30).taking(11).folding(4));
    later(stage, stage.newer.get(1), Counted.of(2, 50).taking(12).folding(2));
    later(stage, stage.newer.get(2), Counted.of(2, 70).taking(budget + 1));

    isSum(stage.of(Metric.SLOW_PREDICTIONS).newer(), device(30, 0), device(50, 50), device(70, 70));
    isSum(stage.of(Metric.OVER_BUDGET).newer(), device(30, 0), device(50, 0), device(70, 70));
    isUntold(stage, Metric.SLOW_PREDICTIONS_UNTOLD, 0, 0);
    isUntold(stage, Metric.OVER_BUDGET_UNTOLD, 0, 0);
  }

  @Test
  default void aFewThatAddBinsUpDoNotMoveTheEdge() {
    Stage stage = new Stage(tables(), IN_STAGES, usual(1, 4));

    later(stage, stage.newer.get(0), Counted.of(2, 30).taking(9));
    later(stage, stage.newer.get(1), Counted.of(2, 50).taking(10));

    isSum(stage.of(Metric.SLOW_PREDICTIONS).newer(), device(30, 0), device(50, 50));
  }

  @Test
  default void scoresThatWereAddedUpAreNoneBesideWholeOnes() {
    Stage stage = new Stage(tables(), IN_STAGES, usual(1, 1));

    later(stage, stage.newer.get(0), Counted.of(2, 30).scoring(63));
    later(stage, stage.newer.get(1), Counted.of(2, 50).scoring(63).folding(4));
    later(stage, stage.older.get(0), Counted.of(1, 20).scoring(63).folding(2));

    double place = 63.5 / 64;
    isSum(stage.of(Metric.PREDICTIONS).newer(), device(30, 30 * place));
    isSum(stage.of(Metric.CONFIDENCE).newer(), device(30, 30 * (2 * place - 1)));
    isSum(stage.of(Metric.PREDICTIONS).older());
    isUntold(stage, Metric.PREDICTIONS_UNTOLD, 1, 1);
    isUntold(stage, Metric.CONFIDENCE_UNTOLD, 1, 1);
  }

  @Test
  default void scoresAreComparedAsMostDevicesTellThem() {
    Stage stage = new Stage(tables(), IN_STAGES, usual(2, 1));

    later(stage, stage.newer.get(0), Counted.of(2, 30).scoring(63));
    later(stage, stage.newer.get(1), Counted.of(2, 50).scoring(63).folding(2));
    later(stage, stage.newer.get(2), Counted.of(2, 70).scoring(62).folding(4));

    double place = 63. / 64;
    isSum(stage.of(Metric.PREDICTIONS).newer(), device(30, 30 * place), device(50, 50 * place));
    double sure = 2 * place - 1;
    isSum(stage.of(Metric.CONFIDENCE).newer(), device(30, 30 * sure), device(50, 50 * sure));
    isUntold(stage, Metric.PREDICTIONS_UNTOLD, 1, 0);
  }

  @Test
  default void whatWasCountedOutlivesTheProcess() {
    Stage stage = stage();
    stage.window(stage.newer.getFirst(), Counted.of(2, 30).failing(2));
    Evidence before = stage.evidence();

    tables().restart();

    assertThat(stage.evidence()).isEqualTo(before);
    isSum(stage.of(Metric.FAILED_PREDICTIONS).newer(), device(30, 2));
  }

  @Test
  default void nothingIsCountedOfARolloutThatIsOver() {
    Stage stage = stage();
    stage.window(stage.newer.getFirst(), Counted.of(2, 30));
    stage.fleet.act(stage.rollout, new RolloutEvent.Abort("tested"));

    stage.window(stage.newer.getFirst(), Counted.of(2, 30));

    assertThat(stage.evidence()).isEqualTo(Evidence.NONE);
  }
}
