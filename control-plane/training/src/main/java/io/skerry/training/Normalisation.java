package io.skerry.training;

import io.skerry.artifact.npy.NpyArray;

/**
 * Makes features comparable: {@code (x − mean) · scale}, per feature.
 *
 * <p>A feature that never changes in training gets scale 0: nothing can be learned from it, and
 * whatever it does later must not reach the network.
 *
 * @param mean shape [1, features, 1]
 * @param scale shape [1, features, 1]
 */
record Normalisation(NpyArray mean, NpyArray scale) {
  private static final double SPREAD_MIN = 1e-6;

  /** The mean and the inverse standard deviation of the training split. */
  static Normalisation of(Examples examples) {
    int features = examples.features();
    int[] rows = examples.rows(Split.TRAIN);
    float[] mean = new float[features];
    float[] scale = new float[features];
    for (int feature = 0; feature < features; feature++) {
      double count = (double) rows.length * examples.window();
      double sum = 0;
      for (int row : rows) {
        for (int step = 0; step < examples.window(); step++) {
          sum += examples.value(row, feature, step);
        }
      }
      double center = sum / count;
      double squares = 0;
      for (int row : rows) {
        for (int step = 0; step < examples.window(); step++) {
          double off = examples.value(row, feature, step) - center;
          squares += off * off;
        }
      }
      double deviation = Math.sqrt(squares / count);
      mean[feature] = (float) center;
      scale[feature] =
          deviation > SPREAD_MIN * Math.max(Math.abs(center), 1e-6) ? (float) (1 / deviation) : 0;
    }
    return new Normalisation(
        NpyArray.ofFloats(mean, 1, features, 1), NpyArray.ofFloats(scale, 1, features, 1));
  }

  /** Normalises whole examples in place. */
  void apply(float[] values, int window) {
    float[] means = mean.floats();
    float[] scales = scale.floats();
    for (int i = 0; i < values.length; i++) {
      int feature = i / window % means.length;
      values[i] = (values[i] - means[feature]) * scales[feature];
    }
  }
}
