package io.skerry.bench.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Devices that count row by row: 12 features of three factors. In the cohort one feature then
 * follows its factor the other way round: every feature keeps its own distribution.
 */
final class CorrelatedFleet {
  static final Cohort COHORT = new Cohort("site", "b");

  private static final int DEVICES = 90;
  private static final int FEATURES = 12;
  private static final int PREDICTIONS = 200;

  private final Random random;
  private final MonitoringPlan plan;
  private final MonitoredStreams streams;

  CorrelatedFleet(long seed) throws MalformedDocumentException {
    random = new Random(seed);
    float[][] rows = new float[3000][];
    float[] scores = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row(false);
      scores[i] = random.nextFloat();
    }
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int f = 0; f < FEATURES; f++) {
      features.add(new MonitoringManifests.Feature(CountFleet.feature(f), f));
    }
    MonitoringManifest manifest =
        MonitoringManifests.fromReference("input", features, rows, "score", scores, .5);
    plan = MonitoringPlan.of(manifest);
    streams = MonitoredStreams.of(manifest);
  }

  MonitoredStreams streams() {
    return streams;
  }

  private float[] row(boolean turned) {
    double[] factors = {random.nextGaussian(), random.nextGaussian(), random.nextGaussian()};
    float[] row = new float[FEATURES];
    for (int f = 0; f < FEATURES; f++) {
      double loading = turned && f == 4 ? -.85 : .85;
      row[f] =
          (float) (loading * factors[f % 3] + Math.sqrt(1 - .85 * .85) * random.nextGaussian());
    }
    return row;
  }

  List<DeviceWindow> window(boolean turned) {
    List<DeviceWindow> windows = new ArrayList<>();
    for (int device = 0; device < DEVICES; device++) {
      WindowSketch sketch = new WindowSketch(plan);
      String site = List.of("a", "b", "c").get(device % 3);
      for (int i = 0; i < PREDICTIONS; i++) {
        float score = random.nextFloat();
        sketch.observe(row(turned && site.equals("b")), score, score >= .5 ? 1 : 0, 100);
      }
      windows.add(
          new DeviceWindow(
              new DeviceId("device-%03d".formatted(device)),
              Map.of("site", site, "profile", "p" + device % 4),
              CountFleet.VERSION,
              sketch.counts()));
    }
    return windows;
  }
}
