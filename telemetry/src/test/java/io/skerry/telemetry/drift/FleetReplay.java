package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Plays machines as a fleet of 51 devices over 3 sites and counts as the devices do. */
final class FleetReplay {
  private static final int DEVICES = 51;
  private static final int TICKS_PER_WINDOW = 20;
  private static final int FIRST_CYCLE = 30;
  private static final List<String> SITES = List.of("a", "b", "c");
  private static final List<String> PROFILES = List.of("p1", "p2", "p3", "p4");
  static final ModelVersion V1 = ModelVersion.parse("engine-health@1");
  static final ModelVersion V2 = ModelVersion.parse("engine-health@2");

  private final List<double[][]> lives;
  private final int[] cycles = new int[DEVICES];
  private final double[] mean = new double[Machines.SENSORS];
  private final double[] deviation = new double[Machines.SENSORS];
  private MonitoringManifest manifest;
  private ModelVersion version = V1;

  FleetReplay(List<double[][]> training, List<double[][]> live, long seed) {
    Random random = new Random(seed);
    List<double[][]> shuffled = new ArrayList<>(live);
    Collections.shuffle(shuffled, random);
    lives = new ArrayList<>();
    for (int device = 0; device < DEVICES; device++) {
      lives.add(shuffled.get(device % shuffled.size()));
      cycles[device] = random.nextInt(lives.get(device).length);
    }
    List<double[]> rows = rows(training);
    for (int i = 0; i < Machines.SENSORS; i++) {
      int sensor = i;
      mean[i] = rows.stream().mapToDouble(row -> row[sensor]).average().orElseThrow();
      double m = mean[i];
      deviation[i] =
          Math.sqrt(
              rows.stream()
                  .mapToDouble(row -> (row[sensor] - m) * (row[sensor] - m))
                  .average()
                  .orElseThrow());
    }
    manifest = manifest(rows);
  }

  private static List<double[]> rows(List<double[][]> training) {
    List<double[]> rows = new ArrayList<>();
    for (double[][] life : training) {
      rows.addAll(Arrays.asList(life).subList(FIRST_CYCLE - 1, life.length));
    }
    return rows;
  }

  private MonitoringManifest manifest(List<double[]> rows) {
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int i = 0; i < Machines.SENSORS; i++) {
      features.add(new MonitoringManifests.Feature(feature(i), i));
    }
    float[][] values = rows.stream().map(FleetReplay::floats).toArray(float[][]::new);
    float[] scores = new float[values.length];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = score(rows.get(i));
    }
    return MonitoringManifests.fromReference("input", features, values, "score", scores, .5);
  }

  MonitoredStreams streams() {
    try {
      return MonitoredStreams.of(manifest);
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException(e);
    }
  }

  /** All devices run a second version, with bins from other training data. */
  void switchTo(List<double[][]> training) {
    version = V2;
    manifest = manifest(rows(training));
  }

  /** A copy of lives with a sensor shifted. */
  List<double[][]> shifted(List<double[][]> lives, int sensor, double sigmas) {
    return lives.stream()
        .map(
            life ->
                Arrays.stream(life)
                    .map(
                        row -> {
                          double[] copy = row.clone();
                          copy[sensor] += sigmas * deviation[sensor];
                          return copy;
                        })
                    .toArray(double[][]::new))
        .toList();
  }

  static String feature(int sensor) {
    return "s%02d".formatted(sensor);
  }

  /** One window; {@code sigmas} is added to a sensor of a site. */
  List<DeviceWindow> window(String site, int sensor, double sigmas) {
    try {
      MonitoringPlan plan = MonitoringPlan.of(manifest);
      List<DeviceWindow> windows = new ArrayList<>();
      for (int device = 0; device < DEVICES; device++) {
        WindowSketch sketch = new WindowSketch(plan);
        boolean shifted = SITES.get(device % 3).equals(site);
        for (int tick = 0; tick < TICKS_PER_WINDOW; tick++) {
          double[][] life = lives.get(device);
          cycles[device] = (cycles[device] + 1) % life.length;
          if (cycles[device] + 1 >= FIRST_CYCLE) {
            double[] row = life[cycles[device]].clone();
            if (shifted) {
              row[sensor] += sigmas * deviation[sensor];
            }
            float score = score(row);
            sketch.observe(floats(row), score, score >= .5 ? 1 : 0, 100);
          }
        }
        windows.add(
            new DeviceWindow(
                new DeviceId("device-%02d".formatted(device)),
                Map.of("site", SITES.get(device % 3), "profile", PROFILES.get(device % 4)),
                version,
                sketch.counts()));
      }
      return windows;
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException(e);
    }
  }

  private static float[] floats(double[] row) {
    float[] floats = new float[row.length];
    for (int i = 0; i < row.length; i++) {
      floats[i] = (float) row[i];
    }
    return floats;
  }

  private float score(double[] row) {
    double sum = 0;
    for (int i = 0; i < Machines.SENSORS; i++) {
      sum += (i % 3 == 0 ? -1 : 1) * (row[i] - mean[i]) / deviation[i];
    }
    return (float) (1 / (1 + Math.exp(3 - sum / 4)));
  }
}
