package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** One bad device says no more than four good ones, wherever devices are added up. */
class DeviceShareTest {
  private static final int FLOOD = 20_000;
  private static final DeviceId BAD = new DeviceId("device-99");

  @Test
  void countsADeviceForFourMediansAtMost() {
    assertThat(DeviceShare.limit(new double[] {10, 12, 8, 1e6})).isEqualTo(40);
    assertThat(DeviceShare.limit(new double[] {10, 1e6})).isInfinite();
    assertThat(DeviceShare.limit(new double[] {0, 5, 7, 9})).isEqualTo(28);
    assertThat(DeviceShare.limit(new double[0])).isInfinite();
    assertThat(DeviceShare.of(80, 40)).isEqualTo(.5);
    assertThat(DeviceShare.of(30, 40)).isEqualTo(1);
    assertThat(DeviceShare.capped(new long[] {3, 4}, 40)).containsExactly(3, 4);
    // Whatever is rounded, the sum is the limit.
    assertThat(DeviceShare.capped(IntStream.range(0, 38).mapToLong(i -> 1000).toArray(), 40))
        .satisfies(
            row -> assertThat(IntStream.range(0, 38).mapToLong(i -> row[i]).sum()).isEqualTo(40));
    assertThat(
            DeviceShare.sum(List.of(new long[] {5, 5}, new long[] {5, 5}, new long[] {0, FLOOD})))
        .containsExactly(10, 50);
    assertThat(DeviceShare.sum(List.of())).isEmpty();
    assertThat(DeviceShare.totals(List.of(new long[] {5, 5}, new long[] {0, FLOOD})))
        .containsExactly(10, FLOOD);
    // Of two nobody can say which is the bad one, unless others do.
    assertThat(DeviceShare.sum(List.of(new long[] {5, 5}, new long[] {0, FLOOD}), 40))
        .containsExactly(5, 45);
  }

  @Test
  void calibratesByManyDevicesAndNotByTheirFlood() {
    List<Outcome> outcomes = new ArrayList<>();
    for (int device = 0; device < 30; device++) {
      for (int i = 0; i < 40; i++) {
        outcomes.add(new Outcome(new DeviceId("device-%02d".formatted(device)), .9, i % 10 != 0));
      }
    }
    Calibration without = Calibration.of(outcomes);
    // None comes true on the device that floods.
    for (int i = 0; i < FLOOD; i++) {
      outcomes.add(new Outcome(BAD, .9, false));
    }

    Calibration with = Calibration.of(outcomes);

    int bin = Calibration.bin(.9);
    assertThat(without.probability(bin)).isCloseTo(.9, within(1e-9));
    assertThat(with.probability(bin)).isCloseTo(.9 * 30 / 34, within(1e-9));
    assertThat(with.outcomes()).isCloseTo(34 * 40, within(1e-6));
    assertThat(with.variance(bin)).isLessThan(without.variance(bin) * 2);
  }

  @Test
  void measuresAFindingByTheCohortAndNotByItsFlood() {
    DriftFinding without = found(1);
    DriftFinding with = found(FLOOD);

    assertThat(with.cohort()).isEqualTo(without.cohort());
    assertThat(with.logEvidence()).isEqualTo(without.logEvidence(), within(1.0));
    assertThat(with.shiftSigma()).isCloseTo(without.shiftSigma(), within(.5));
    assertThat(with.psi()).isCloseTo(without.psi(), within(.6 * without.psi()));
    assertThat(with.size().observedCount()).isLessThan(2 * without.size().observedCount());
    assertThat(with.size().expectedCount()).isLessThan(2 * without.size().expectedCount());
  }

  // One device of the shifted site counts all that it sees so many times, learning or not.
  private static DriftFinding found(int times) {
    FleetReplay fleet =
        new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    for (long window = 0; window < 60; window++) {
      List<DeviceWindow> windows = new ArrayList<>(fleet.window(window < 12 ? "none" : "b", 3, 3));
      windows.set(1, times(windows.get(1), times));
      WindowVerdict verdict = ledger.judge(window, windows);
      if (verdict.found().isPresent()) {
        return verdict.found().get();
      }
    }
    throw new AssertionError("nothing was found");
  }

  private static DeviceWindow times(DeviceWindow one, int times) {
    int[] row = new int[one.counts().layout().bins()];
    for (int place = 0; place < row.length; place++) {
      row[place] = one.counts().at(place) * times;
    }
    return new DeviceWindow(
        one.device(), one.attributes(), one.version(), WindowCounts.of(one.counts().layout(), row));
  }

  /** What one device does while it learns hides nothing that happens to others. */
  @Test
  void learnsToleranceFromManyDevicesAndNotFromOneThatFlaps() throws MalformedDocumentException {
    for (Stream.Kind kind : List.of(Stream.Kind.LOCATION, Stream.Kind.QUALITY)) {
      StreamVerdict without = learned(false, kind);
      StreamVerdict with = learned(true, kind);

      // It may say four times what is material: one of thirty with deviations of that adds little.
      assertThat(with.tolerance()).isLessThan(1.3 * without.tolerance());
      assertThat(with.error()).isLessThan(without.error() + .01);
    }
  }

  // Thirty devices each of two sites; the first flaps from the one end to the other while it
  // learns.
  private static StreamVerdict learned(boolean flaps, Stream.Kind kind)
      throws MalformedDocumentException {
    GatewayFleet fleet =
        new GatewayFleet(
            new GatewayFleet.Shape(
                60, 1, (gateway, place) -> Map.of("site", "s" + gateway % 2), .1, 0),
            Optional.empty(),
            11);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(GatewayFleet.VERSION, fleet.streams());
    Cohort site = new Cohort("site", "s1");
    WindowVerdict last = ledger.judge(0, List.of());
    for (int window = 1; window < 8; window++) {
      List<DeviceWindow> windows = fleet.window(site, 0);
      if (flaps) {
        float value = window % 2 == 0 ? -9 : kind == Stream.Kind.QUALITY ? Float.NaN : 9;
        windows.set(0, fleet.constant(windows.getFirst(), value));
      }
      last = ledger.judge(window, windows);
    }
    return last.streams().stream()
        .filter(one -> one.cohort().equals(site) && one.stream().kind() == kind)
        .filter(one -> one.stream().name().equals("f0"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void reachesAFindingAgainFromItsEvidenceAlone() {
    FleetReplay fleet =
        new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    WindowVerdict verdict = ledger.judge(0, fleet.window("none", 3, 0));
    for (long window = 1; window < 60 && verdict.found().isEmpty(); window++) {
      verdict = ledger.judge(window, fleet.window(window < 12 ? "none" : "b", 3, 3));
    }

    DriftFinding finding = verdict.found().orElseThrow();
    DriftEvidence evidence = verdict.evidence().orElseThrow();
    assertThat(evidence.logEvidence()).isEqualTo(finding.logEvidence());
    assertThat(evidence.logThreshold()).isEqualTo(finding.logThreshold());
    assertThat(evidence.size(finding.size().shiftSigma())).isEqualTo(finding.size());
    assertThat(evidence.values()).hasSize(evidence.units());
    assertThat(evidence.edges()).hasSize(19).isSorted();
    assertThat(finding.size().shiftSigma().low()).isLessThan(finding.shiftSigma());
    assertThat(finding.size().jensenShannon().low()).isPositive();
    assertThat(finding.size().wasserstein().low()).isPositive();
  }

  @Test
  void weighsOutcomesOfOneDeviceAsThoseOfFour() {
    Random random = new Random(7);
    List<Outcome> outcomes = new ArrayList<>();
    for (int device = 0; device < 30; device++) {
      for (int i = 0; i < 40; i++) {
        boolean positive = random.nextBoolean();
        boolean right = i % 10 != 0;
        outcomes.add(
            new Outcome(
                new DeviceId("device-%02d".formatted(device)),
                positive == right ? .9 : .1,
                positive));
      }
    }
    // All wrong, and each said to stand for a million others.
    for (int i = 0; i < 100; i++) {
      outcomes.add(new Outcome(BAD, i % 2 == 0 ? .9 : .1, i % 2 == 1, 1e-6));
    }
    List<Accuracy.OfClass> classes =
        outcomes.stream()
            .map(
                one ->
                    new Accuracy.OfClass(
                        one.device(),
                        one.score() >= .5 ? 1 : 0,
                        one.positive() ? 1 : 0,
                        one.weight()))
            .toList();

    // .9 of 30 devices, nothing of what four may say.
    double least = .9 * 30 / 34 - .02;
    assertThat(Accuracy.of(outcomes, .5).orElseThrow().balanced().value()).isGreaterThan(least);
    assertThat(Accuracy.ofClasses(classes, Set.of(0, 1)).orElseThrow().balanced().value())
        .isGreaterThan(least);
    List<SliceReport.DeviceCounts> counts =
        SliceReport.count(
            outcomes.stream().map(one -> new SliceReport.Placed(one, Set.of())).toList(), .5);
    assertThat(SliceReport.of(counts).slices()).isEmpty();
    assertThat(counts.stream().mapToDouble(SliceReport.DeviceCounts::total).max().orElseThrow())
        .isEqualTo(160, within(1e-6));
  }

  @Test
  void estimatesByManyDevicesAndNotByOne() {
    List<EstimatedAccuracy.Scored> devices = new ArrayList<>();
    for (int device = 0; device < 30; device++) {
      devices.add(new EstimatedAccuracy.Scored(scores(60, 100), Calibration.none()));
    }
    double before = EstimatedAccuracy.of(devices, .5).accuracy().value();
    devices.add(new EstimatedAccuracy.Scored(scores(32, 100L * FLOOD), Calibration.none()));

    EstimatedAccuracy flooded = EstimatedAccuracy.of(devices, .5);

    assertThat(flooded.accuracy().value()).isGreaterThan(before - .06);
    assertThat(flooded.predictions()).isEqualTo(3000 + 100L * FLOOD);
  }

  @Test
  void tellsLabelSharesByManyDevicesAndNotByOne() {
    for (int place : new int[] {0, 40, 400}) {
      LabelShares.Sums sums = new LabelShares.Sums(2);
      for (int device = 0; device < 401; device++) {
        sums.addPredicted(device == place ? List.of(0.0, 1e9) : List.of(80.0, 20.0));
      }

      assertThat(sums.shares(List.of()).classes().get(1).predicted().value())
          .as("the bad one is number %d", place)
          .isCloseTo(.2 + .8 * 4 / 404, within(1e-6));
    }
  }

  private static List<Long> scores(int bin, long count) {
    List<Long> counts = new ArrayList<>();
    for (int i = 0; i < Calibration.BINS; i++) {
      counts.add(i == bin ? count : 0L);
    }
    return counts;
  }
}
