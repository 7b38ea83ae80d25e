package io.skerry.bench.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.ReferenceBins;
import io.skerry.telemetry.sketch.StreamLayout;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * A fleet simulated at the level of device-window counts: every device has offsets of its own (.2
 * deviations), inferences alike (autocorrelation .9, so that 1,000 of them tell as much as 53), a
 * daily season whose phase depends on the region and whose strength on the device, and now and then
 * it is away or replaced.
 *
 * <p>A feature is standard normal, shifted; its bin counts are the expected ones plus noise of
 * their square root. Scores, classes, residuals and latencies have offsets, likeness and season as
 * features have: their shares are tilted, more or less towards the upper bins.
 */
final class CountFleet {
  static final int SEASON = 24;
  static final int PREDICTIONS = 1000;
  static final ModelVersion VERSION = ModelVersion.parse("watched@1");

  private static final double OFFSET = .2;
  private static final int FEW = 50;
  private static final double ERROR_SPREAD = .01;
  private static final double SEASON_STRENGTH = .3;
  private static final double AWAY = .03;
  private static final double REPLACED = .0005;
  // Standard deviation of the mean of 1,000 values of autocorrelation .9.
  private static final double ALIKE = Math.sqrt(19.0 / PREDICTIONS);
  private static final double MISSING = .002;
  private static final int NOISE = 1 << 16;
  private static final double STEP = .02;
  private static final int STEPS = 301;
  private static final float[] GAUSSIAN = gaussian();

  /** What is wrong with a feature of a cohort, or without an attribute of all, from a window on. */
  record Fault(
      String attribute,
      String value,
      int feature,
      long from,
      double shift,
      double scale,
      double missing,
      boolean stuck,
      double errors,
      double positives) {
    static Fault none() {
      return new Fault("", "", -1, Long.MAX_VALUE, 0, 1, 0, false, 0, 0);
    }

    static Fault of(String attribute, String value, int feature, long from) {
      return new Fault(attribute, value, feature, from, 0, 1, 0, false, 0, 0);
    }

    Fault shift(double by) {
      return new Fault(attribute, value, feature, from, by, 1, 0, false, 0, 0);
    }

    Fault scale(double by) {
      return new Fault(attribute, value, feature, from, 0, by, 0, false, 0, 0);
    }

    Fault missing(double share) {
      return new Fault(attribute, value, feature, from, 0, 1, share, false, 0, 0);
    }

    Fault frozen() {
      return new Fault(attribute, value, feature, from, 0, 1, 0, true, 0, 0);
    }

    Fault errors(double more) {
      return new Fault(attribute, value, -1, from, 0, 1, 0, false, more, 0);
    }

    Fault positives(double more) {
      return new Fault(attribute, value, -1, from, 0, 1, 0, false, 0, more);
    }

    boolean hits(Map<String, String> attributes, long window) {
      return window >= from && (attribute.isEmpty() || value.equals(attributes.get(attribute)));
    }
  }

  private static final class Device {
    private final String name;
    private final Map<String, String> attributes;
    private final float[] offsets;
    private final double season;
    private final double error;
    // Slow wander of each feature, when the fleet has memory across windows.
    private final float[] wander;
    private double errorWander;

    Device(String name, Map<String, String> attributes, int streams, Random random) {
      this.name = name;
      this.attributes = attributes;
      offsets = new float[streams];
      wander = new float[streams];
      for (int f = 0; f < streams; f++) {
        offsets[f] = (float) (OFFSET * random.nextGaussian());
      }
      season = SEASON_STRENGTH * (1 + .2 * random.nextGaussian());
      error = .05 + ERROR_SPREAD * random.nextGaussian();
    }
  }

  private final int features;
  private final double wanderStrength;
  private final Random random;
  private final SplittableRandom fast;
  private final List<Device> devices = new ArrayList<>();
  private final MonitoringManifest manifest;
  private final MonitoredStreams streams;
  private final Fault fault;
  private final float[][] shifted;
  private final float[][][] outputs;
  private int named;

  CountFleet(MonitoringManifest manifest, int size, double wander, Fault fault, long seed)
      throws MalformedDocumentException {
    this.manifest = manifest;
    this.features = manifest.getFeaturesCount();
    this.wanderStrength = wander;
    this.random = new Random(seed);
    this.fast = new SplittableRandom(seed);
    this.fault = fault;
    this.streams = MonitoredStreams.of(manifest);
    this.shifted = table(1);
    this.outputs = outputs();
    for (int i = 0; i < size; i++) {
      devices.add(device(i));
    }
  }

  /** A manifest of standard normal features and a score. */
  static MonitoringManifest manifest(int features) {
    Random random = new Random(7);
    float[][] rows = new float[3200][features];
    float[] scores = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      double sum = 0;
      double common = random.nextGaussian();
      for (int f = 0; f < features; f++) {
        rows[i][f] = (float) (.3 * common + Math.sqrt(1 - .09) * random.nextGaussian());
        sum += f < 5 ? rows[i][f] : 0;
      }
      scores[i] = (float) (1 / (1 + Math.exp(1 - sum)));
    }
    List<MonitoringManifests.Feature> named = new ArrayList<>();
    for (int f = 0; f < features; f++) {
      named.add(new MonitoringManifests.Feature(feature(f), f));
    }
    return MonitoringManifests.fromReference("input", named, rows, "score", scores, .5);
  }

  static String feature(int index) {
    return "f%03d".formatted(index);
  }

  MonitoredStreams streams() {
    return streams;
  }

  private Device device(int index) {
    int site = index % 20;
    return new Device(
        "device-%05d".formatted(named++),
        Map.of(
            "site", "s" + site,
            // Stragglers and pilots: a cohort with fewer peers than members.
            "channel", index % FEW == 0 ? "pilot" : "stable",
            "region", "r" + site % 5,
            "profile", "p" + index / 20 % 4,
            "firmware", "v" + random.nextInt(3)),
        streams.layout().size(),
        random);
  }

  /** The windows of all devices that are there. */
  List<DeviceWindow> window(long window) {
    List<DeviceWindow> windows = new ArrayList<>(devices.size());
    for (int i = 0; i < devices.size(); i++) {
      if (fast.nextDouble() < REPLACED) {
        devices.set(i, device(i));
      }
      Device device = devices.get(i);
      if (fast.nextDouble() < AWAY) {
        continue;
      }
      boolean hit = fault.hits(device.attributes, window);
      double wrong = error(device) + (hit ? fault.errors() : 0);
      double positive = .3 + (hit ? fault.positives() : 0);
      long known = 100;
      double wrongs = noisy(known * wrong);
      windows.add(
          new DeviceWindow(
              new DeviceId(device.name),
              device.attributes,
              VERSION,
              counts(device, window, hit),
              new DeviceWindow.Outcomes(
                  known,
                  known - wrongs,
                  wrongs,
                  List.of(known - noisy(known * positive), noisy(known * positive)))));
    }
    return windows;
  }

  private double noisy(double expected) {
    return Math.max(0, Math.rint(expected + Math.sqrt(expected) * GAUSSIAN[fast.nextInt(NOISE)]));
  }

  private WindowCounts counts(Device device, long window, boolean hit) {
    StreamLayout layout = streams.layout();
    int[] row = new int[layout.bins()];
    int region = device.attributes.getOrDefault("region", "r0").charAt(1) - '0';
    double season =
        device.season * Math.sin(2 * Math.PI * (window % SEASON + 5.0 * region) / SEASON);
    for (int f = 0; f < features; f++) {
      boolean broken = hit && f == fault.feature();
      double at = at(device, f, season) + (broken ? fault.shift() : 0);
      feature(row, layout.start(f), at, broken);
    }
    for (int stream = features; stream < layout.size(); stream++) {
      float[] shares = outputs[stream - features][step(at(device, stream, season))];
      boolean classes = layout.names().get(stream).equals("$class");
      int start = layout.start(stream);
      if (classes && hit && fault.positives() > 0) {
        double positives = noisy(PREDICTIONS * (shares[1] + fault.positives()));
        row[start] = (int) (PREDICTIONS - positives);
        row[start + 1] = (int) positives;
        continue;
      }
      fill(row, start, shares, 1);
    }
    return WindowCounts.of(layout, row);
  }

  // How often a device is wrong in a window, as its streams stand: as much against what devices
  // differ in as theirs.
  private double error(Device device) {
    if (wanderStrength > 0) {
      device.errorWander = wandered(device.errorWander, wanderStrength * ERROR_SPREAD / OFFSET);
    }
    return Math.max(0, device.error + device.errorWander);
  }

  private double wandered(double before, double strength) {
    return .9 * before + strength * Math.sqrt(1 - .81) * GAUSSIAN[fast.nextInt(NOISE)];
  }

  // Where a device's stream stands in a window; every third one has a season.
  private double at(Device device, int stream, double season) {
    float slow = 0;
    if (wanderStrength > 0) {
      device.wander[stream] = (float) wandered(device.wander[stream], wanderStrength);
      slow = device.wander[stream];
    }
    return device.offsets[stream]
        + slow
        + (stream % 3 == 0 ? season : 0)
        + ALIKE * GAUSSIAN[fast.nextInt(NOISE)];
  }

  // Between two steps of the table by chance, so that the mean is the one wanted.
  private int step(double at) {
    double place = (at + STEP * (STEPS - 1) / 2) / STEP + fast.nextDouble();
    return Math.clamp((int) place, 0, STEPS - 1);
  }

  private void feature(int[] row, int start, double at, boolean broken) {
    int ordinary = shifted[0].length;
    if (broken && fault.stuck()) {
      // It repeats the value it had: all in one bin.
      row[start + ordinary / 3] = PREDICTIONS;
      row[start + ordinary + ReferenceBins.OWN_BINS - 1] = PREDICTIONS - 1;
      return;
    }
    double missing = MISSING + (broken ? fault.missing() : 0);
    double absent = noisy(PREDICTIONS * missing);
    row[start + ordinary + 1] = (int) absent;
    float[][] table = broken && fault.scale() != 1 ? scaled() : shifted;
    fill(row, start, table[step(at)], 1 - missing);
  }

  private float[][] scaledTable = new float[0][];

  private float[][] scaled() {
    if (scaledTable.length == 0) {
      scaledTable = table(fault.scale());
    }
    return scaledTable;
  }

  private void fill(int[] row, int start, float[] shares, double part) {
    int noise = fast.nextInt(NOISE - shares.length);
    float scale = (float) (PREDICTIONS * part);
    for (int bin = 0; bin < shares.length; bin++) {
      float expected = shares[bin] * scale;
      row[start + bin] =
          (int) Math.max(0, expected + Math.sqrt(expected) * GAUSSIAN[noise + bin] + .5f);
    }
  }

  /** Shares of the bins between the edges of the first feature, for shifts from -3 to 3. */
  private float[][] table(double scale) {
    List<Float> edges = manifest.getFeatures(0).getBins().getEdgesList();
    float[][] table = new float[STEPS][edges.size() + 1];
    for (int step = 0; step < STEPS; step++) {
      double shift = STEP * (step - (STEPS - 1) / 2.0);
      double below = 0;
      for (int bin = 0; bin <= edges.size(); bin++) {
        double upTo = bin == edges.size() ? 1 : normal((edges.get(bin) - shift) / scale);
        table[step][bin] = (float) (upTo - below);
        below = upTo;
      }
    }
    return table;
  }

  /** Shares of the bins of what is no feature, for tilts from -3 to 3. */
  private float[][][] outputs() {
    StreamLayout layout = streams.layout();
    float[][][] tilted = new float[layout.size() - features][STEPS][];
    for (int stream = features; stream < layout.size(); stream++) {
      float[] row = new float[layout.ordinary(stream)];
      java.util.Arrays.fill(row, 1f / row.length);
      switch (layout.names().get(stream)) {
        case "$score" -> shares(manifest.getScore().getBaselineList(), row);
        case "$class" -> shares(manifest.getScore().getClassBaselineList(), row);
        case "$errors" -> {
          row[0] = 1;
          row[1] = 0;
        }
        default -> {}
      }
      for (int step = 0; step < STEPS; step++) {
        tilted[stream - features][step] = tilted(row, STEP * (step - (STEPS - 1) / 2.0));
      }
    }
    return tilted;
  }

  // What is standard normal is shifted by just so much: each bin by where its middle lies there.
  private static float[] tilted(float[] shares, double by) {
    float[] tilted = new float[shares.length];
    double below = 0;
    double total = 0;
    for (int bin = 0; bin < shares.length; bin++) {
      double place = quantile(below + shares[bin] / 2);
      below += shares[bin];
      tilted[bin] = (float) (shares[bin] * Math.exp(by * place));
      total += tilted[bin];
    }
    for (int bin = 0; bin < shares.length; bin++) {
      tilted[bin] /= (float) total;
    }
    return tilted;
  }

  private static double quantile(double share) {
    double low = -4;
    double high = 4;
    while (high - low > 1e-6) {
      double middle = (low + high) / 2;
      if (normal(middle) < share) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private static void shares(List<Long> counts, float[] into) {
    double total = counts.stream().mapToLong(Long::longValue).sum();
    for (int bin = 0; bin < into.length; bin++) {
      into[bin] = (float) (counts.get(bin) / total);
    }
  }

  private static float[] gaussian() {
    Random random = new Random(11);
    float[] values = new float[NOISE];
    for (int i = 0; i < NOISE; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** The normal distribution function, to 7 digits (Abramowitz and Stegun 26.2.17). */
  static double normal(double x) {
    double t = 1 / (1 + .2316419 * Math.abs(x));
    double tail =
        Math.exp(-x * x / 2)
            / Math.sqrt(2 * Math.PI)
            * t
            * (.319381530
                + t * (-.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return x < 0 ? tail : 1 - tail;
  }
}
