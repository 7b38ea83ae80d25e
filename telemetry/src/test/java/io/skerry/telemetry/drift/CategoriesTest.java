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
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names have no order: shares that move must show however they move. */
class CategoriesTest {
  private static final ModelVersion V1 = ModelVersion.parse("watched@1");
  private static final ModelVersion V2 = ModelVersion.parse("watched@2");
  private static final int DEVICES = 60;
  private static final int PREDICTIONS = 60;
  private static final int WINDOWS = 60;
  private static final int SHIFTED_FROM = 30;

  /** Keeps the mean place in any order by bins, and the mean distance from the middle. */
  private static final double[] TO_AND_FRO = {1, -2, 1, -1, 2, -1};

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void findsSharesThatMoveToAndFroAndNamesTheFeature(long seed) throws Exception {
    Fleet fleet = new Fleet(seed, 0);

    List<DriftFinding> findings = judged(fleet, .06);

    assertThat(findings).hasSize(1);
    DriftFinding finding = findings.getFirst();
    assertThat(finding.cohort()).isEqualTo(new Cohort("site", "b"));
    assertThat(finding.feature()).isEqualTo("place");
    assertThat(finding.movedBy().kind()).isEqualTo(Stream.Kind.CATEGORY);
    assertThat(finding.movedBy().name()).startsWith("place:");
    assertThat(finding.nature()).isEqualTo(DriftFinding.Nature.INPUT);
    assertThat(finding.window()).isBetween((long) SHIFTED_FROM, SHIFTED_FROM + 6L);
    assertThat(finding.psi()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void opensNothingWhereSharesStay(long seed) throws Exception {
    assertThat(judged(new Fleet(seed, 0), 0)).isEmpty();
  }

  @Test
  void followsACategoryIntoTheBinThatANewVersionKeepsItIn() throws Exception {
    Fleet fleet = new Fleet(1, 0);
    // Its rows have the categories the other way round: their bins are, too.
    Fleet newer = new Fleet(1, 5);
    Statistics statistics = Statistics.of(fleet.streams());
    float[] before = new float[statistics.size()];
    float[] after = new float[statistics.size()];

    statistics.reader(fleet.streams()).read(fleet.one(V1), 8, before);
    statistics.reader(newer.streams()).read(newer.one(V2), 8, after);

    int first = statistics.streams().indexOf(new Stream("place:0", Stream.Kind.CATEGORY));
    assertThat(first).isEqualTo(statistics.inputStatistics() - 6);
    assertThat(after[first]).isEqualTo(before[first]).isEqualTo(.5f);
  }

  private static List<DriftFinding> judged(Fleet fleet, double shift) throws Exception {
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(V1, fleet.streams());
    List<DriftFinding> findings = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      ledger
          .judge(window, fleet.window(window < SHIFTED_FROM ? 0 : shift))
          .found()
          .ifPresent(findings::add);
    }
    return findings;
  }

  /** One feature of six categories, about equally frequent. */
  private static final class Fleet {
    private final MonitoringManifest manifest;
    private final Random random;

    Fleet(long seed, int reversedFrom) {
      random = new Random(seed);
      List<float[]> rows = new ArrayList<>();
      for (int category = 0; category < TO_AND_FRO.length; category++) {
        for (int i = 0; i < 1010 - 5 * Math.abs(category - reversedFrom); i++) {
          rows.add(new float[] {category});
        }
      }
      float[] scores = new float[rows.size()];
      Arrays.fill(scores, .5f);
      manifest =
          MonitoringManifests.fromReference(
              "input",
              List.of(new MonitoringManifests.Feature("place", 0, true, OptionalDouble.empty(), 1)),
              rows.toArray(float[][]::new),
              "score",
              scores,
              .5);
    }

    MonitoredStreams streams() throws MalformedDocumentException {
      return MonitoredStreams.of(manifest);
    }

    /** Half of it in category 0, the rest in 3. */
    DeviceWindow one(ModelVersion version) throws MalformedDocumentException {
      WindowSketch sketch = new WindowSketch(MonitoringPlan.of(manifest));
      for (int i = 0; i < 20; i++) {
        sketch.observe(new float[] {i % 2 == 0 ? 0 : 3}, .5f, 1, 100);
      }
      return new DeviceWindow(new DeviceId("one"), Map.of(), version, sketch.counts());
    }

    List<DeviceWindow> window(double shift) throws MalformedDocumentException {
      MonitoringPlan plan = MonitoringPlan.of(manifest);
      List<DeviceWindow> windows = new ArrayList<>();
      for (int device = 0; device < DEVICES; device++) {
        String site = List.of("a", "b", "c").get(device % 3);
        WindowSketch sketch = new WindowSketch(plan);
        for (int i = 0; i < PREDICTIONS; i++) {
          sketch.observe(new float[] {category(site.equals("b") ? shift : 0)}, .5f, 1, 100);
        }
        windows.add(
            new DeviceWindow(
                new DeviceId("device-%02d".formatted(device)),
                Map.of("site", site),
                V1,
                sketch.counts()));
      }
      return windows;
    }

    private int category(double shift) {
      double left = random.nextDouble();
      int category = 0;
      while (category < TO_AND_FRO.length - 1) {
        left -= 1.0 / TO_AND_FRO.length + shift * TO_AND_FRO[category];
        if (left < 0) {
          break;
        }
        category++;
      }
      return category;
    }
  }
}
