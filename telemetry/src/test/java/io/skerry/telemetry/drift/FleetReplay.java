package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Plays machines as a fleet of 51 devices over 3 sites and counts as the devices do. */
final class FleetReplay {
  private static final int DEVICES = 51;
  private static final int TICKS_PER_WINDOW = 20;
  private static final int FIRST_CYCLE = 30;
  private static final int BINS = 32;
  private static final List<String> SITES = List.of("a", "b", "c");
  private static final List<String> PROFILES = List.of("p1", "p2", "p3", "p4");
  static final ModelVersion V1 = ModelVersion.parse("engine-health@1");
  static final ModelVersion V2 = ModelVersion.parse("engine-health@2");

  private final List<double[][]> lives;
  private final int[] cycles = new int[DEVICES];
  private final Layout first;
  private Layout layout;
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
    first = new Layout(training);
    layout = first;
  }

  MonitoredStreams streams() {
    return layout.streams;
  }

  /** All devices run a second version, with bins from other training data. */
  void switchTo(List<double[][]> training) {
    version = V2;
    layout = new Layout(training);
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
                          copy[sensor] += sigmas * first.deviation[sensor];
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
    List<DeviceWindow> windows = new ArrayList<>();
    for (int device = 0; device < DEVICES; device++) {
      boolean shifted = SITES.get(device % 3).equals(site);
      long[][] counts = new long[Machines.SENSORS][BINS + 7];
      long[] scores = new long[64];
      for (int tick = 0; tick < TICKS_PER_WINDOW; tick++) {
        double[][] life = lives.get(device);
        cycles[device] = (cycles[device] + 1) % life.length;
        if (cycles[device] + 1 >= FIRST_CYCLE) {
          double[] row = life[cycles[device]].clone();
          if (shifted) {
            row[sensor] += sigmas * first.deviation[sensor];
          }
          layout.count(row, counts, scores);
        }
      }
      Map<String, List<Long>> byStream = new TreeMap<>();
      for (int i = 0; i < Machines.SENSORS; i++) {
        byStream.put(feature(i), Arrays.stream(counts[i]).boxed().toList());
      }
      byStream.put(MonitoredStreams.SCORE, Arrays.stream(scores).boxed().toList());
      windows.add(
          new DeviceWindow(
              new DeviceId("device-%02d".formatted(device)),
              Map.of("site", SITES.get(device % 3), "profile", PROFILES.get(device % 4)),
              version,
              byStream));
    }
    return windows;
  }

  /** Bins of one version. */
  private static final class Layout {
    private final List<float[]> edges = new ArrayList<>();
    private final double[] low = new double[Machines.SENSORS];
    private final double[] high = new double[Machines.SENSORS];
    private final double[] mean = new double[Machines.SENSORS];
    private final double[] deviation = new double[Machines.SENSORS];
    private final MonitoredStreams streams;

    Layout(List<double[][]> training) {
      streams = streams(training);
    }

    private void count(double[] row, long[][] counts, long[] scores) {
      for (int i = 0; i < Machines.SENSORS; i++) {
        counts[i][bin(i, row[i])]++;
      }
      scores[Math.min(63, (int) (score(row) * 64))]++;
    }

    private double score(double[] row) {
      double sum = 0;
      for (int i = 0; i < Machines.SENSORS; i++) {
        sum += (i % 3 == 0 ? -1 : 1) * (row[i] - mean[i]) / deviation[i];
      }
      return 1 / (1 + Math.exp(3 - sum / 4));
    }

    private int bin(int sensor, double value) {
      if (value < low[sensor]) {
        return BINS + 3;
      }
      if (value > high[sensor]) {
        return BINS + 4;
      }
      float[] inner = edges.get(sensor);
      int bin = 0;
      while (bin < inner.length && value > inner[bin]) {
        bin++;
      }
      return bin;
    }

    private MonitoredStreams streams(List<double[][]> training) {
      List<double[]> rows = new ArrayList<>();
      for (double[][] life : training) {
        rows.addAll(Arrays.asList(life).subList(FIRST_CYCLE - 1, life.length));
      }
      for (int i = 0; i < Machines.SENSORS; i++) {
        int sensor = i;
        double[] sorted = rows.stream().mapToDouble(row -> row[sensor]).sorted().toArray();
        low[i] = sorted[0];
        high[i] = sorted[sorted.length - 1];
        mean[i] = Arrays.stream(sorted).average().orElseThrow();
        double m = mean[i];
        deviation[i] =
            Math.sqrt(Arrays.stream(sorted).map(v -> (v - m) * (v - m)).average().orElseThrow());
        float[] inner = new float[BINS - 1];
        for (int bin = 1; bin < BINS; bin++) {
          inner[bin - 1] = (float) sorted[sorted.length * bin / BINS];
        }
        edges.add(inner);
      }
      long[][] counts = new long[Machines.SENSORS][BINS + 7];
      long[] scores = new long[64];
      rows.forEach(row -> count(row, counts, scores));
      Map<String, MonitoredStreams.Input> inputs = new TreeMap<>();
      for (int i = 0; i < Machines.SENSORS; i++) {
        List<Double> inner = new ArrayList<>();
        for (float edge : edges.get(i)) {
          inner.add((double) edge);
        }
        inputs.put(
            feature(i),
            new MonitoredStreams.Input(
                new BaselineBins(
                    inner, low[i], high[i], Arrays.stream(counts[i]).boxed().toList(), true),
                deviation[i]));
      }
      return new MonitoredStreams(
          inputs,
          Map.of(
              MonitoredStreams.SCORE, BaselineBins.unit(Arrays.stream(scores).boxed().toList())));
    }
  }
}
