package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FleetLevelTest {
  private static final ModelVersion MODEL = ModelVersion.parse("pump@1");
  private static final int SEASON = 8;
  private static final int DEVICES = 40;
  private static final int PREDICTIONS = 60;
  private static final int LEARNED = (2 + FleetLevel.SEASONS) * SEASON;
  private static final DriftSettings SETTINGS = DriftSettings.DEFAULTS.withSeason(SEASON);

  private final MonitoringManifest manifest = manifest();

  private static MonitoringManifest manifest() {
    Random random = new Random(1);
    float[][] rows = new float[2000][2];
    for (float[] row : rows) {
      row[0] = (float) random.nextGaussian();
      row[1] = (float) random.nextGaussian();
    }
    return MonitoringManifests.fromReference(
        "input",
        List.of(new MonitoringManifests.Feature("a", 0), new MonitoringManifests.Feature("b", 1)),
        rows,
        "score",
        new float[rows.length],
        .5);
  }

  private DriftLedger ledger() throws MalformedDocumentException {
    DriftLedger ledger = new DriftLedger(SETTINGS);
    ledger.register(MODEL, MonitoredStreams.of(manifest));
    return ledger;
  }

  /** Devices with offsets of their own and one season; some are away, and others come. */
  private List<DeviceWindow> window(Random random, long window, double shift, int from, int to)
      throws MalformedDocumentException {
    return window(random, window, shift, from, to, 0);
  }

  /** The same at sites from a number on. */
  private List<DeviceWindow> window(
      Random random, long window, double shift, int from, int to, int site)
      throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    List<DeviceWindow> windows = new ArrayList<>();
    double season = .3 * Math.sin(2 * Math.PI * window / SEASON);
    for (int device = from; device < to; device++) {
      if (random.nextInt(20) == 0) {
        continue;
      }
      double offset = .2 * new Random(device).nextGaussian();
      WindowSketch sketch = new WindowSketch(plan);
      for (int i = 0; i < PREDICTIONS; i++) {
        sketch.observe(
            new float[] {
              (float) (offset + season + random.nextGaussian()),
              (float) (offset + shift + random.nextGaussian())
            },
            .2f,
            0,
            100);
      }
      windows.add(
          new DeviceWindow(
              new DeviceId("d-%03d".formatted(device)),
              Map.of("site", "s" + (site == 0 ? device % 2 : site)),
              MODEL,
              sketch.counts()));
    }
    return windows;
  }

  @Test
  void findsWhatMovesAllDevicesAtOnce() throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(2);
    long begin = LEARNED + 10;
    List<WindowVerdict> found = new ArrayList<>();
    List<WindowVerdict> ended = new ArrayList<>();
    for (long window = 0; window < begin + 60; window++) {
      double shift = window < begin || window >= begin + 20 ? 0 : .3;
      WindowVerdict verdict = ledger.judge(window, window(random, window, shift, 0, DEVICES));
      verdict.found().ifPresent(finding -> found.add(verdict));
      if (verdict.ended().contains(Cohort.FLEET)) {
        ended.add(verdict);
        ledger.release(Cohort.FLEET, false);
      }
    }

    assertThat(found).hasSize(1);
    DriftFinding finding = found.getFirst().found().orElseThrow();
    assertThat(finding.window()).isBetween(begin + 2, begin + 5);
    assertThat(finding.cohort()).isEqualTo(Cohort.FLEET).hasToString("fleet");
    assertThat(finding.movedBy()).isEqualTo(new Stream("b", Stream.Kind.LOCATION));
    assertThat(finding.onsetWindow()).isEqualTo(begin);
    assertThat(finding.shiftSigma()).isBetween(.2, .4);
    assertThat(ended).hasSize(1);
    assertThat(ended.getFirst().window()).isBetween(begin + 20, begin + 30);
  }

  /** Who resolves it says that this is how it is now. */
  @Test
  void takesTheNewLevelForItsOwnOnceSomebodySaysSo() throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(3);
    List<Long> found = new ArrayList<>();
    for (long window = 0; window < LEARNED + 120; window++) {
      double shift = window < LEARNED ? 0 : window < LEARNED + 90 ? .3 : 0;
      if (ledger.judge(window, window(random, window, shift, 0, DEVICES)).found().isPresent()) {
        found.add(window);
      }
      if (window == LEARNED + 20) {
        ledger.release(Cohort.FLEET, true);
      }
    }

    assertThat(found).hasSize(2);
    assertThat(found.getFirst()).isBetween((long) LEARNED, LEARNED + 6L);
    assertThat(found.getLast()).isBetween(LEARNED + 90L, LEARNED + 96L);
  }

  /** Or it would be shown as far from what was learned for ever. */
  @Test
  void countsAnewWhatItTakesForItsOwn() throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(3);
    long released = LEARNED + 20;
    for (long window = 0; window < released; window++) {
      ledger.judge(window, window(random, window, window < LEARNED ? 0 : 1, 0, DEVICES));
    }
    assertThat(distance(ledger, random, released)).isGreaterThan(.5);

    ledger.release(Cohort.FLEET, true);
    for (long window = released + 1; window <= released + SETTINGS.learningWindows(); window++) {
      ledger.judge(window, window(random, window, 1, 0, DEVICES));
    }

    assertThat(distance(ledger, random, released + SETTINGS.learningWindows() + 1)).isLessThan(.02);
    // What comes then is not learned any more.
    for (long window = released + 50; window < released + 70; window++) {
      ledger.judge(window, window(random, window, 2, 0, DEVICES));
    }
    assertThat(distance(ledger, random, released + 70)).isLessThan(.02);
  }

  /** Who is silent just then is counted anew when it comes back. */
  @Test
  void countsAnewWhoIsAwayWhenTheLevelIsTaken() throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(3);
    long released = LEARNED + 20;
    for (long window = 0; window <= released; window++) {
      ledger.judge(window, window(random, window, window < LEARNED ? 0 : 1, 0, DEVICES));
    }
    ledger.release(Cohort.FLEET, true);
    long back = released + 2L * SETTINGS.learningWindows();
    for (long window = released + 1; window < back; window++) {
      ledger.judge(window, without(window(random, window, 1, 0, DEVICES), "s1"));
    }
    ledger = again(ledger);
    long learned = back + 2L * SETTINGS.learningWindows();
    for (long window = back; window < learned; window++) {
      ledger.judge(window, window(random, window, 1, 0, DEVICES));
    }

    List<StreamDistance> distances =
        ledger
            .judgeAndMeasure(learned, window(random, learned, 1, 0, DEVICES), List.of())
            .distances();

    long each = (long) PREDICTIONS * SETTINGS.learningWindows();
    assertThat(size(distances, new Cohort("site", "s1"), "b").expectedCount())
        .isEqualTo(each * DEVICES / 2);
    assertThat(size(distances, Cohort.FLEET, "b").expectedCount()).isEqualTo(each * DEVICES);
  }

  /** What they counted left with all others' when the fleet learned anew without them. */
  @Test
  void takesNothingFromCountsThatADeviceWasNoPartOf() throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(5);
    Cohort part = new Cohort("site", "s2");
    List<Cohort> found = new ArrayList<>();
    int learning = SETTINGS.learningWindows();
    long released = LEARNED + 40;
    long again = released + 2L * learning;
    for (long window = 0; window < again; window++) {
      ledger
          .judge(window, withPart(random, window, window < LEARNED + 20 ? 0 : .5))
          .found()
          .ifPresent(finding -> found.add(finding.cohort()));
      if (window == released) {
        assertThat(found).containsExactly(part, Cohort.FLEET);
        ledger.release(Cohort.FLEET, true);
      }
    }
    ledger = again(ledger);

    ledger.release(part, true);
    List<StreamDistance> before = measured(ledger, random, again);
    for (long window = again + 1; window < again + 2L * learning; window++) {
      ledger.judge(window, withPart(random, window, .5));
    }
    List<StreamDistance> after = measured(ledger, random, again + 2L * learning);

    long each = (long) PREDICTIONS * learning;
    assertThat(size(before, Cohort.FLEET, "b").expectedCount()).isEqualTo(each * DEVICES);
    assertThat(size(after, Cohort.FLEET, "b").expectedCount()).isEqualTo(each * (DEVICES + 12));
    assertThat(size(after, part, "b").expectedCount()).isEqualTo(each * 12);
    assertThat(size(after, new Cohort("site", "s0"), "b").expectedCount())
        .isEqualTo(each * DEVICES / 2);
  }

  /** While devices are counted anew, those of the fleet and those of a cohort. */
  @Test
  void saysTheSameFromWhereverItGoesOnWhileItCountsAnew() throws MalformedDocumentException {
    List<byte[][]> states = new ArrayList<>();

    List<WindowVerdict> whole = play(-1, states);

    for (int cut : new int[] {41, 44, 52, 62}) {
      assertThat(play(LEARNED + cut, states)).as("cut at %d", cut).isEqualTo(whole);
      assertThat(states.getLast()).isDeepEqualTo(states.getFirst());
    }
  }

  private List<WindowVerdict> play(int cut, List<byte[][]> states)
      throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(5);
    List<WindowVerdict> verdicts = new ArrayList<>();
    for (long window = 0; window < LEARNED + 70; window++) {
      List<DeviceWindow> told = withPart(random, window, window < LEARNED + 20 ? 0 : .5);
      boolean isAway = window > LEARNED + 38 && window < LEARNED + 50;
      verdicts.add(ledger.judgeAndMeasure(window, isAway ? without(told, "s1") : told, List.of()));
      if (window == LEARNED + 40) {
        ledger.release(Cohort.FLEET, true);
      }
      if (window == LEARNED + 48) {
        ledger.release(new Cohort("site", "s2"), true);
      }
      if (window == cut) {
        ledger = again(ledger);
      }
    }
    states.add(state(ledger));
    return verdicts;
  }

  private static byte[][] state(DriftLedger ledger) {
    List<byte[]> parts = new ArrayList<>();
    ledger.write(parts::add);
    return parts.toArray(byte[][]::new);
  }

  private List<StreamDistance> measured(DriftLedger ledger, Random random, long window)
      throws MalformedDocumentException {
    return ledger.judgeAndMeasure(window, withPart(random, window, .5), List.of()).distances();
  }

  // Twelve devices at a site of their own stand elsewhere from a window on.
  private List<DeviceWindow> withPart(Random random, long window, double shift)
      throws MalformedDocumentException {
    List<DeviceWindow> windows = new ArrayList<>(window(random, window, shift, 0, DEVICES, 0));
    double moved = window < LEARNED ? 0 : .8;
    windows.addAll(window(random, window, shift + moved, DEVICES, DEVICES + 12, 2));
    return windows;
  }

  private static List<DeviceWindow> without(List<DeviceWindow> windows, String site) {
    return windows.stream().filter(one -> !site.equals(one.attributes().get("site"))).toList();
  }

  private DriftLedger again(DriftLedger ledger) throws MalformedDocumentException {
    byte[][] parts = state(ledger);
    DriftLedger again = ledger();
    again.read(Arrays.asList(parts).iterator());
    assertThat(state(again)).isDeepEqualTo(parts);
    return again;
  }

  private static EffectSize size(List<StreamDistance> distances, Cohort cohort, String stream) {
    return distances.stream()
        .filter(one -> one.cohort().equals(cohort) && one.stream().equals(stream))
        .findFirst()
        .orElseThrow()
        .size();
  }

  private double distance(DriftLedger ledger, Random random, long window)
      throws MalformedDocumentException {
    return ledger
        .judgeAndMeasure(window, window(random, window, 1, 0, DEVICES), List.of())
        .distances()
        .stream()
        .filter(one -> one.cohort().equals(Cohort.FLEET) && one.stream().equals("b"))
        .findFirst()
        .orElseThrow()
        .size()
        .psi()
        .low();
  }

  /** Neither a season nor devices that come and go are a shift. */
  @Test
  void findsNothingInAFleetThatStaysAsItIs() throws MalformedDocumentException {
    for (int seed = 10; seed < 13; seed++) {
      DriftLedger ledger = ledger();
      Random random = new Random(seed);
      boolean judged = false;
      for (long window = 0; window < LEARNED + 100; window++) {
        int first = (int) window / 12;
        WindowVerdict verdict =
            ledger.judge(window, window(random, window, 0, first, first + DEVICES));

        assertThat(verdict.found()).isEmpty();
        judged |= verdict.streams().stream().anyMatch(one -> one.cohort().equals(Cohort.FLEET));
      }
      assertThat(judged).isTrue();
    }
  }

  /** A part that moves far moves the mean of all; that is the part's incident and nobody else's. */
  @Test
  void leavesAPartThatMovesToItsCohort() throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(5);
    List<Cohort> found = new ArrayList<>();
    for (long window = 0; window < LEARNED + 60; window++) {
      List<DeviceWindow> windows = new ArrayList<>(window(random, window, 0, 0, DEVICES, 0));
      windows.addAll(window(random, window, window < LEARNED ? 0 : .8, DEVICES, DEVICES + 12, 2));
      ledger.judge(window, windows).found().ifPresent(finding -> found.add(finding.cohort()));
    }

    assertThat(found).containsExactly(new Cohort("site", "s2"));
  }

  /** Devices that stand elsewhere come in place of others: nobody has moved. */
  @Test
  void findsNothingWhereOtherDevicesComeThatStandElsewhere() throws MalformedDocumentException {
    DriftLedger ledger = ledger();
    Random random = new Random(6);
    for (long window = 0; window < LEARNED + 100; window++) {
      int gone = Math.clamp((window - LEARNED) / 2, 0, DEVICES);
      List<DeviceWindow> windows = new ArrayList<>(window(random, window, 0, gone, DEVICES, 0));
      windows.addAll(window(random, window, -.6, DEVICES, DEVICES + gone, 0));

      assertThat(ledger.judge(window, windows).found()).as("window %d", window).isEmpty();
    }
  }

  /** Where halves run two versions one of them leads, whoever is away. */
  @Test
  void judgesTheOutputsOfOneOfTwoVersions() throws MalformedDocumentException {
    ModelVersion other = ModelVersion.parse("pump@2");
    DriftLedger ledger = ledger();
    ledger.register(other, MonitoredStreams.of(manifest));
    Random random = new Random(7);
    boolean judged = false;
    for (long window = 0; window < LEARNED + 20; window++) {
      List<DeviceWindow> windows = new ArrayList<>();
      for (DeviceWindow one : window(random, window, 0, 0, 2 * DEVICES)) {
        boolean isOdd = one.device().value().charAt(4) % 2 == 1;
        windows.add(
            isOdd ? new DeviceWindow(one.device(), one.attributes(), other, one.counts()) : one);
      }
      judged |=
          ledger.judge(window, windows).streams().stream()
              .anyMatch(one -> one.cohort().equals(Cohort.FLEET) && !one.stream().kind().isInput());
    }

    assertThat(judged).isTrue();
  }

  @Test
  void theMedianIsTheOneInTheMiddle() {
    Random random = new Random(8);
    for (int count = 1; count < 200; count++) {
      float[] values = new float[count + 3];
      for (int i = 0; i < count; i++) {
        values[i] = random.nextInt(20);
      }
      float[] sorted = Arrays.copyOf(values, count);
      Arrays.sort(sorted);

      assertThat(Median.of(values, count)).isEqualTo(sorted[count / 2]);
    }
  }

  @Test
  void noSingleWindowSaysEnough() {
    LevelDetectors detectors = new LevelDetectors(1);

    detectors.observe(0, 1e9, .01, .001);
    assertThat(detectors.logM(0)).isLessThan(5);
    detectors.observe(0, 0, .01, .001);
    detectors.observe(0, 0, .01, .001);
    assertThat(detectors.logM(0)).isNegative();
  }

  /** The mean of its growth is what the promise is counted with. */
  @Test
  void growsByNoMoreThanOneWindowAWindowWhereNothingHappens() {
    Random random = new Random(4);
    double sum = 0;
    int series = 20_000;
    int windows = 20;
    for (int i = 0; i < series; i++) {
      LevelDetectors detectors = new LevelDetectors(1);
      for (int window = 0; window < windows; window++) {
        detectors.observe(0, .01 + .002 * random.nextGaussian(), .01, .002);
      }
      sum += Math.exp(detectors.logM(0));
    }

    assertThat(sum / series).isLessThan(windows);
  }
}
