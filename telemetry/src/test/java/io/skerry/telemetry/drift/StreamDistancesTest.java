package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Every stream of every cohort with how far it lies from what was learned. */
class StreamDistancesTest {
  private static final ModelVersion V1 = ModelVersion.parse("watched@1");
  private static final ModelVersion V2 = ModelVersion.parse("watched@2");
  private static final int DEVICES = 24;
  private static final int PREDICTIONS = 100;
  private static final int LEARNING = DriftSettings.DEFAULTS.learningWindows();
  private static final Cohort A = new Cohort("site", "a");
  private static final Cohort B = new Cohort("site", "b");

  private final MonitoringManifest manifest = manifest();
  private final DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
  private final Random random = new Random(7);
  private long next;
  private ModelVersion running = V1;
  private Degradation told = Degradation.NONE;
  private int flood = 1;
  private int labels = 1;
  private int generation;

  StreamDistancesTest() throws Exception {
    ledger.register(V1, MonitoredStreams.of(manifest));
  }

  @Test
  void tellsAllStreamsOfAllCohortsWithNAndInterval() throws Exception {
    learn();

    List<StreamDistance> distances = judged(0, 0, 100).distances();

    assertThat(distances)
        .extracting(one -> one.cohort() + " " + one.stream())
        .containsExactlyInAnyOrderElementsOf(
            List.of("fleet", "site=a", "site=b").stream()
                .flatMap(
                    cohort ->
                        List.of(
                                "f0",
                                "f1",
                                "$confidence",
                                "$class",
                                "$spe",
                                "$t2",
                                "$latency",
                                "$errors")
                            .stream()
                            .map(stream -> cohort + " " + stream))
                .toList());
    for (StreamDistance one : distances) {
      int devices = one.cohort().equals(Cohort.FLEET) ? DEVICES : DEVICES / 2;
      assertThat(one.devices()).as("%s", one).isEqualTo(devices);
      assertThat(one.size().observedCount()).as("%s", one).isEqualTo((long) devices * PREDICTIONS);
      assertThat(one.size().expectedCount())
          .as("%s", one)
          .isEqualTo((long) devices * PREDICTIONS * LEARNING);
      // Chance alone: no interval lies clearly above zero.
      assertThat(one.size().psi().low()).as("%s", one).isLessThan(.02);
      assertThat(one.size().psi().high()).as("%s", one).isGreaterThanOrEqualTo(0);
    }
  }

  @Test
  void comesToWhatTheCountsThemselvesSay() throws Exception {
    learn();

    List<DeviceWindow> window = window(.5, 0, 100);
    EffectSize told = size(ledger.judgeAndMeasure(next++, window, List.of()), B, "$class");

    long[] now = new long[4];
    int stream = MonitoringPlan.of(manifest).layout().indexOf(MonitoringPlan.CLASS);
    window.stream()
        .filter(one -> "b".equals(one.attributes().get("site")))
        .forEach(
            one -> {
              for (int i = 0; i < now.length; i++) {
                now[i] += one.counts().count(stream, i);
              }
            });
    assertThat(told).isEqualTo(EffectSize.of(learnedClasses, now));
  }

  @Test
  void showsWhatMovedWhereAndNothingElse() throws Exception {
    learn();

    WindowVerdict verdict = judged(1, .4, 900);

    assertThat(size(verdict, B, "f0").psi().low()).isGreaterThan(.2);
    assertThat(size(verdict, B, "$class").psi().low()).isGreaterThan(.05);
    assertThat(size(verdict, B, "$latency").jensenShannon().low()).isGreaterThan(.5);
    assertThat(size(verdict, B, "f1").psi().low()).isLessThan(.02);
    assertThat(size(verdict, A, "$latency").psi().low()).isLessThan(.02);
  }

  @Test
  void givesWhatAnOutputIsFoundByItsSizeToo() throws Exception {
    learn();

    WindowVerdict verdict = judged(0, .4, 100);
    for (int more = 0; more < 20 && verdict.found().isEmpty(); more++) {
      verdict = judged(0, .4, 100);
    }

    DriftFinding finding = verdict.found().orElseThrow();
    assertThat(finding.feature()).startsWith("$class:");
    assertThat(finding.size().expectedCount()).isPositive();
    assertThat(finding.size())
        .isEqualTo(size(verdict, finding.cohort(), finding.movedBy().counted()));
    DriftEvidence evidence = verdict.evidence().orElseThrow();
    assertThat(evidence.size(finding.size().shiftSigma())).isEqualTo(finding.size());
    assertThat(evidence.edges()).isEmpty();
  }

  /** No verdict of its own rests on what is measured, and it is measured where it is asked for. */
  @Test
  void leavesVerdictsAsTheyAre() throws Exception {
    learn();
    List<DeviceWindow> window = window(1, 0, 100);
    byte[][] before = state();
    WindowVerdict measured = ledger.judgeAndMeasure(next, window, List.of());

    DriftLedger other = new DriftLedger(DriftSettings.DEFAULTS);
    other.register(V1, MonitoredStreams.of(manifest));
    other.read(List.of(before).iterator());
    WindowVerdict judged = other.judge(next, window);

    assertThat(judged.distances()).isEmpty();
    assertThat(judged.streams()).isEqualTo(measured.streams()).isNotEmpty();
  }

  @Test
  void countsADeviceThatFloodsForFourOthersAtMost() throws Exception {
    learn();
    flood = 50;

    EffectSize size = size(judged(0, 0, 100), A, "f0");

    assertThat(size.observedCount())
        .isEqualTo((long) PREDICTIONS * (DEVICES / 2 - 1 + DeviceShare.MEDIANS_MAX));
  }

  @Test
  void comparesWhatANewVersionMakesWithWhatItMadeWhileItWasLearned() throws Exception {
    learn();
    ledger.register(V2, MonitoredStreams.of(manifest));
    running = V2;

    WindowVerdict first = judged(0, .4, 900);
    assertThat(first.distances()).extracting(StreamDistance::stream).contains("f0");
    assertThat(first.distances())
        .extracting(StreamDistance::stream)
        .doesNotContain("$class", "$latency");
    for (int i = 1; i < LEARNING; i++) {
      judged(0, .4, 900);
    }
    WindowVerdict later = judged(0, .4, 900);

    assertThat(size(later, B, "$class").psi().low()).isLessThan(.02);
    assertThat(size(later, B, "$latency").psi().low()).isLessThan(.02);
    assertThat(size(later, B, "$class").expectedCount())
        .isEqualTo((long) LEARNING * PREDICTIONS * DEVICES / 2);
    assertThat(size(judged(0, -.4, 100), B, "$latency").psi().low()).isGreaterThan(.5);
  }

  /** Bins that a device adds up, because it has fewer bytes, are no shift. */
  @Test
  void addsUpForAllWhatOneDeviceAddsUp() throws Exception {
    learn();
    told = new Degradation(1, 4, 8);

    WindowVerdict verdict = judged(0, 0, 100);

    for (String stream : List.of("f0", "f1", "$class", "$confidence", "$latency")) {
      assertThat(size(verdict, B, stream).psi().low()).as(stream).isLessThan(.02);
      assertThat(size(verdict, B, stream).wasserstein().low()).as(stream).isLessThan(.02);
    }
  }

  @Test
  void forgetsWhatWasLearnedWhenItIsLearnedAnew() throws Exception {
    learn();
    for (int i = 0; i < 12; i++) {
      judged(3, 0, 100);
    }
    assertThat(size(judged(3, 0, 100), B, "f0").psi().low()).isGreaterThan(1);

    ledger.release(B, true);
    for (int i = 0; i < LEARNING; i++) {
      judged(3, 0, 100);
    }

    assertThat(size(judged(3, 0, 100), B, "f0").psi().low()).isLessThan(.02);
  }

  /** Everybody that these devices are counted with gets what they learn instead, not besides. */
  @Test
  void replacesWhatWasLearnedInEveryCohortOfTheDevicesThatLearnAnew() throws Exception {
    labels = 2;
    learn();
    judged(3, 0, 100);
    Cohort part =
        new Cohort(List.of(new Cohort.Term("firmware", "2"), new Cohort.Term("site", "b")));

    ledger.release(part, true);
    for (int i = 0; i < LEARNING; i++) {
      judged(3, 0, 100);
    }
    WindowVerdict verdict = judged(3, 0, 100);

    long each = (long) PREDICTIONS * LEARNING;
    for (Cohort cohort : List.of(B, A, new Cohort("firmware", "1"), new Cohort("firmware", "2"))) {
      assertThat(size(verdict, cohort, "f0").expectedCount())
          .as("%s", cohort)
          .isEqualTo(each * DEVICES / 2);
      assertThat(size(verdict, cohort, "$class").expectedCount())
          .as("%s", cohort)
          .isEqualTo(each * DEVICES / 2);
    }
    assertThat(size(verdict, Cohort.FLEET, "f0").expectedCount()).isEqualTo(each * DEVICES);
    // Of the two sites' firmware 2 one half is where it was and the other where it has learned.
    assertThat(size(verdict, new Cohort("firmware", "2"), "f0").psi().low()).isLessThan(.02);
  }

  /** Devices that came with a version and went leave nothing of what they learned under it. */
  @Test
  void forgetsTheCountsOfVersionsThatNobodyLearnedUnderAnyMore() throws Exception {
    int[] sizes = new int[6];
    for (int version = 1; version <= sizes.length; version++) {
      running = ModelVersion.parse("watched@" + version);
      generation = version;
      String mine = "g%d-".formatted(version);
      if (version > 1) {
        ledger.register(running, MonitoredStreams.of(manifest));
        ledger.retain(device -> device.value().startsWith(mine));
      }
      learn();
      assertThat(size(judged(0, 0, 100), B, "f0").psi().low()).isLessThan(.02);
      sizes[version - 1] = bytes();
    }

    assertThat(sizes[5] - sizes[4]).isLessThan(1000);
  }

  /** What they learned of inputs is what they are held against, whatever they run now. */
  @Test
  void keepsTheCountsThatDevicesLearnedUnderAVersionThatNobodyRuns() throws Exception {
    learn();
    ledger.register(V2, MonitoredStreams.of(manifest));
    running = V2;
    for (int i = 0; i < 3 * LEARNING; i++) {
      judged(0, 0, 100);
    }

    assertThat(size(judged(0, 0, 100), B, "f0").expectedCount())
        .isEqualTo((long) PREDICTIONS * LEARNING * DEVICES / 2);
  }

  /** However many versions come and go while devices keep what they learned of inputs. */
  @Test
  void keepsOutputsOfFewVersions() throws Exception {
    learn();
    int[] sizes = new int[2];
    for (int version = 2; version < 4 * LearnedCounts.OUTPUTS_MAX; version++) {
      running = ModelVersion.parse("watched@" + version);
      ledger.register(running, MonitoredStreams.of(manifest));
      judged(0, 0, 100);
      sizes[0] = sizes[1];
      sizes[1] = bytes();
    }

    // What each version still adds is its name and the means of its window.
    assertThat(sizes[1] - sizes[0]).isLessThan(1000);
  }

  private int bytes() {
    int bytes = 0;
    for (byte[] part : state()) {
      bytes += part.length;
    }
    return bytes;
  }

  private byte[][] state() {
    List<byte[]> parts = new ArrayList<>();
    ledger.write(parts::add);
    return parts.toArray(byte[][]::new);
  }

  private final long[] learnedClasses = new long[4];

  private void learn() throws Exception {
    int stream = MonitoringPlan.of(manifest).layout().indexOf(MonitoringPlan.CLASS);
    for (int i = 0; i < LEARNING; i++) {
      List<DeviceWindow> window = window(0, 0, 100);
      for (DeviceWindow one : window) {
        for (int c = 0;
            c < learnedClasses.length && "b".equals(one.attributes().get("site"));
            c++) {
          learnedClasses[c] += one.counts().count(stream, c);
        }
      }
      ledger.judge(next++, window);
    }
  }

  private WindowVerdict judged(double shift, double more, int latency) throws Exception {
    return ledger.judgeAndMeasure(next++, window(shift, more, latency), List.of());
  }

  private static EffectSize size(WindowVerdict verdict, Cohort cohort, String stream) {
    return verdict.distances().stream()
        .filter(one -> one.cohort().equals(cohort) && one.stream().equals(stream))
        .findFirst()
        .orElseThrow()
        .size();
  }

  /**
   * One window; site b is another.
   *
   * @param shift of its first feature, in deviations
   * @param more of its predictions in class 0
   * @param latency of its calls
   */
  private List<DeviceWindow> window(double shift, double more, int latency) throws Exception {
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    List<DeviceWindow> windows = new ArrayList<>();
    for (int device = 0; device < DEVICES; device++) {
      boolean other = device % 2 == 1;
      WindowSketch sketch = new WindowSketch(plan);
      int predictions = device == 0 ? flood * PREDICTIONS : PREDICTIONS;
      for (int i = 0; i < predictions; i++) {
        float f0 = (float) (random.nextGaussian() + (other ? shift : 0));
        float f1 = (float) random.nextGaussian();
        int said = other && random.nextDouble() < more ? 0 : random.nextInt(4);
        sketch.observe(new float[] {f0, f1}, .7f, said, other ? latency : 100);
      }
      windows.add(
          new DeviceWindow(
              new DeviceId(
                  (generation == 0 ? "device-%02d" : "g" + generation + "-%02d").formatted(device)),
              labels == 1
                  ? Map.of("site", other ? "b" : "a")
                  : Map.of("site", other ? "b" : "a", "firmware", device % 4 < 2 ? "1" : "2"),
              running,
              WindowCodec.read(
                  plan.layout(),
                  sketch.seal(ModelRef.getDefaultInstance(), 5, 0, 6000, told).build())));
    }
    return windows;
  }

  private static MonitoringManifest manifest() {
    Random random = new Random(1);
    float[][] rows = new float[2000][];
    List<float[]> said = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new float[] {(float) random.nextGaussian(), (float) random.nextGaussian()};
      float[] elements = new float[4];
      elements[i % 4] = 1;
      said.add(elements);
    }
    return MonitoringManifests.fromReference(
        "input",
        List.of(new MonitoringManifests.Feature("f0", 0), new MonitoringManifests.Feature("f1", 1)),
        rows,
        new MonitoringManifests.Scores("said", said, false, 0, List.of(), Optional.empty()));
  }
}
