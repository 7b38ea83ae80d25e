package io.skerry.simulator.world;

import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * What devices measure, and what really happens: features that share a common load, a truth that
 * depends on them, and what can go wrong with either.
 *
 * <pre>
 * z_f = offset_f(device) + WEIGHT_f · load + rest_f · noise_f        in training deviations
 * x_f = 10 · (f + 1) + (f + 1) · z_f
 * truth = [ (sum of z_f · SIGN_f) / 2 + noise / 2 > 1 ]
 * </pre>
 */
final class Nature {
  static final int FEATURES = 4;

  private static final int DRAWS = 1 << 13;
  private static final int DRAW_BITS = 13;
  private static final float[] NORMAL = normal();
  private static final float[] LOGISTIC = logistic();
  private static final int LOGISTIC_STEPS = 64;
  private static final float LOGISTIC_MAX = 8;
  private static final float[] WEIGHT = {.6f, .5f, -.5f, .3f};
  private static final float[] SIGN = {1, 1, -1, 1};
  private static final float[] REST = rest();
  private static final float BOUNDARY = 1;

  /** What is wrong with what a device measures at a time. */
  interface Drift {
    Drift NONE = (device, atMillis) -> Shift.NONE;

    Shift at(SimDevice device, long atMillis);
  }

  /**
   * One thing that is wrong.
   *
   * @param feature the one that it is wrong with
   * @param amount how wrong
   */
  record Shift(Kind kind, int feature, float amount) {
    static final Shift NONE = new Shift(Kind.NONE, 0, 0);
  }

  /** How measuring goes wrong. */
  enum Kind {
    NONE,
    /** Every value is off by so many deviations. */
    LOCATION,
    /** Values spread so many times as wide. */
    SCALE,
    /** So large a share of the values is not there. */
    MISSING,
    /** The value stays so many deviations above its mean. */
    STUCK,
    /** Values come in another unit: so many times as large. */
    UNIT,
    /** The value follows the load the other way round, and keeps its own distribution. */
    CORRELATION,
    /** The load itself is so many deviations higher: more of what is to be found. */
    PRIOR,
    /** The same values mean something else. */
    CONCEPT
  }

  private Nature() {}

  /** Room for a batch; one for a whole world, as it has one thread. */
  static final class Batch {
    float[] views = new float[0];
    float[] scores = new float[0];
    long[] latencyMicros = new long[0];
    boolean[] truths = new boolean[0];

    void size(int predictions) {
      if (scores.length < predictions) {
        views = new float[predictions * FEATURES];
        scores = new float[predictions];
        latencyMicros = new long[predictions];
        truths = new boolean[predictions];
      }
    }
  }

  /** Draws what a device measures; the scores are those of a good model. */
  static void measure(
      Batch batch, int predictions, float[] offsets, Shift shift, SplittableRandom random) {
    batch.size(predictions);
    for (int i = 0; i < predictions; i++) {
      long one = random.nextLong();
      long two = random.nextLong();
      float load = NORMAL[draw(one, 4)];
      if (shift.kind() == Kind.PRIOR) {
        load += shift.amount();
      }
      float sum = 0;
      for (int f = 0; f < FEATURES; f++) {
        float noise = NORMAL[f < 3 ? draw(one, f) : draw(two, 0)];
        float z = offsets[f] + WEIGHT[f] * load + REST[f] * noise;
        sum += z * SIGN[f];
        batch.views[i * FEATURES + f] =
            shift.feature() == f
                ? wrong(f, z, z - 2 * WEIGHT[f] * load, draw(two, 2), shift)
                : value(f, z);
      }
      float evidence = sum / 2;
      boolean truth = evidence + NORMAL[draw(two, 1)] / 2 > BOUNDARY;
      batch.truths[i] = (shift.kind() == Kind.CONCEPT) != truth;
      batch.scores[i] = score(batch.views, i * FEATURES);
    }
  }

  private static int draw(long bits, int number) {
    return (int) (bits >>> (number * DRAW_BITS)) & (DRAWS - 1);
  }

  private static float value(int feature, float z) {
    return (feature + 1) * (10 + z);
  }

  private static float wrong(int feature, float z, float turned, int chance, Shift shift) {
    return switch (shift.kind()) {
      case LOCATION -> value(feature, z + shift.amount());
      case SCALE -> value(feature, z * shift.amount());
      case MISSING -> chance < shift.amount() * DRAWS ? Float.NaN : value(feature, z);
      case STUCK -> value(feature, shift.amount());
      case UNIT -> value(feature, z) * shift.amount();
      case CORRELATION -> value(feature, turned);
      case NONE, PRIOR, CONCEPT -> value(feature, z);
    };
  }

  /** The score that a good model gives: it sees the values, whatever is wrong with them. */
  static float score(float[] views, int at) {
    float sum = 0;
    for (int f = 0; f < FEATURES; f++) {
      float value = views[at + f];
      sum += Float.isNaN(value) ? 0 : (value / (f + 1) - 10) * SIGN[f];
    }
    float logit = Math.clamp(4 * (sum / 2 - BOUNDARY), -LOGISTIC_MAX, LOGISTIC_MAX);
    return LOGISTIC[(int) ((logit + LOGISTIC_MAX) * LOGISTIC_STEPS)];
  }

  /** What makes a device special, in deviations. */
  static float[] offsets(SplittableRandom random) {
    float[] offsets = new float[FEATURES];
    for (int f = 0; f < FEATURES; f++) {
      offsets[f] = .15f * NORMAL[(int) random.nextLong() & (DRAWS - 1)];
    }
    return offsets;
  }

  /**
   * What a model's packaging counted on its training data.
   *
   * @param amount whether its score is one, and no class
   */
  static MonitoringManifest manifest(SplittableRandom random, boolean amount) {
    int rows = 4000;
    Batch batch = new Batch();
    measure(batch, rows, new float[FEATURES], Shift.NONE, random);
    float[][] reference = new float[rows][FEATURES];
    for (int i = 0; i < rows; i++) {
      System.arraycopy(batch.views, i * FEATURES, reference[i], 0, FEATURES);
    }
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int f = 0; f < FEATURES; f++) {
      features.add(new MonitoringManifests.Feature(name(f), f));
    }
    List<Float> scores = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      scores.add(batch.scores[i]);
    }
    return MonitoringManifests.fromReference(
        "input",
        features,
        reference,
        new MonitoringManifests.Scores(
            "output",
            scores.stream().map(score -> new float[] {score}).toList(),
            false,
            .5,
            List.of(),
            amount ? Optional.of(new MonitoringManifests.Values(scores, true)) : Optional.empty()));
  }

  private static String name(int feature) {
    return "s" + (feature + 1);
  }

  /** Whether a stream of this name is a feature, and no output. */
  static boolean isFeature(String stream) {
    return IntStream.range(0, FEATURES).mapToObj(Nature::name).anyMatch(stream::equals);
  }

  private static float[] normal() {
    SplittableRandom random = new SplittableRandom(1);
    float[] draws = new float[DRAWS];
    for (int i = 0; i < DRAWS; i++) {
      draws[i] = (float) random.nextGaussian();
    }
    return draws;
  }

  private static float[] logistic() {
    float[] table = new float[2 * 8 * 64 + 1];
    for (int i = 0; i < table.length; i++) {
      table[i] = (float) (1 / (1 + Math.exp(8 - i / 64.0)));
    }
    return table;
  }

  private static float[] rest() {
    float[] rest = new float[FEATURES];
    for (int f = 0; f < FEATURES; f++) {
      rest[f] = (float) Math.sqrt(1 - WEIGHT[f] * WEIGHT[f]);
    }
    return rest;
  }
}
