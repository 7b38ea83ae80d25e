package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ObservationsTest {
  private static final List<String> TENSORS = List.of("wide", "rectified", "tiny", "still");
  private static final int CHANNELS = 3;
  private static final int EACH = 40;

  /** However items are shared out among workers, and in whatever order these are put together. */
  @Test
  void ofWorkersAreTheSameAsOfOne() {
    for (long seed = 1; seed <= 50; seed++) {
      Random random = new Random(seed);
      int items = 1 + random.nextInt(40);
      List<float[]> values = new ArrayList<>();
      for (int i = 0; i < items; i++) {
        float[] item = new float[CHANNELS * EACH];
        float magnitude = (float) Math.pow(2, random.nextInt(30) - 15);
        for (int k = 0; k < item.length; k++) {
          item[k] = (float) random.nextGaussian() * magnitude;
        }
        values.add(item);
      }
      Observations one = new Observations();
      values.forEach(item -> see(one, item));
      List<Observations> workers = new ArrayList<>();
      int count = 1 + random.nextInt(6);
      for (int i = 0; i < count; i++) {
        workers.add(new Observations());
      }
      values.forEach(item -> see(workers.get(random.nextInt(count)), item));
      while (workers.size() > 1) {
        Observations taken = workers.remove(random.nextInt(workers.size()));
        workers.get(random.nextInt(workers.size())).merge(taken);
      }

      Observations all = workers.getFirst();

      for (Clipping clipping : Clipping.values()) {
        assertThat(all.ranges(clipping))
            .as("seed %d, %s", seed, clipping)
            .isEqualTo(one.ranges(clipping));
      }
      for (String tensor : TENSORS) {
        assertThat(all.histogram(tensor).total()).isEqualTo((long) items * CHANNELS * EACH);
        assertThat(all.channelMagnitudes(tensor)).isEqualTo(one.channelMagnitudes(tensor));
        double[] means = one.channelMeans(tensor);
        double[] merged = all.channelMeans(tensor);
        for (int c = 0; c < CHANNELS; c++) {
          // Sums of doubles depend on their order in the last places only.
          double most = 1e-12 * one.channelMagnitudes(tensor)[c];
          assertThat(Math.abs(merged[c] - means[c])).isLessThanOrEqualTo(most);
        }
      }
      assertThat(all.input().steps()).isEqualTo(one.input().steps());
    }
  }

  private static void see(Observations seen, float[] item) {
    for (String tensor : TENSORS) {
      float[] values = item.clone();
      for (int i = 0; i < values.length; i++) {
        values[i] =
            switch (tensor) {
              case "rectified" -> Math.max(0, values[i]);
              case "tiny" -> values[i] * 1e-20f;
              case "still" -> 0;
              default -> values[i];
            };
      }
      seen.open(tensor).add(FloatBuffer.wrap(values));
      seen.sums(tensor, CHANNELS).add(FloatBuffer.wrap(values), EACH);
    }
    float[] steps = item.clone();
    for (int i = 0; i < steps.length; i++) {
      steps[i] = Math.round(Math.clamp(steps[i], -9, 9)) * 0.25f;
    }
    seen.input().add(FloatBuffer.wrap(steps));
  }
}
