package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FeatureBinsTest {
  private static final int FEATURES = 23;
  private static final int FEATURES_FEW = 8;
  private static final int ROUNDS = 60;
  private static final int ROWS = 80;
  private static final float MISSING = -9999;

  /** Of all kinds of bins, ordinary values and all that are none, with features left out. */
  @Test
  void findsOfEachCountedFeatureWhatItsOwnBinsFind() {
    Random random = new Random(1);
    for (int round = 0; round < ROUNDS; round++) {
      // Few are found in another way than many.
      int features = round % 2 == 0 ? FEATURES : 1 + random.nextInt(FEATURES_FEW + 1);
      ReferenceBins[] all = new ReferenceBins[features];
      StreamLayout.Builder streams = new StreamLayout.Builder();
      int[] counted = IntStream.range(0, features).filter(i -> random.nextInt(5) > 0).toArray();
      for (int i = 0; i < features; i++) {
        all[i] = bins(random);
      }
      for (int i : counted) {
        streams.feature("f" + i, all[i].ordinary());
      }
      StreamLayout layout = streams.build();
      FeatureBins bins = new FeatureBins(all, counted, layout);
      FeatureBins.Scratch found = new FeatureBins.Scratch(bins);
      for (int row = 0; row < ROWS; row++) {
        float[] view = new float[features];
        for (int i = 0; i < features; i++) {
          view[i] = value(row % 2 == 0, all[i], random);
        }
        boolean own = bins.find(view, found);

        boolean expectedOwn = false;
        for (int i = 0; i < counted.length; i++) {
          int bin = all[counted[i]].index(view[counted[i]]);
          expectedOwn |= bin >= all[counted[i]].ordinary();
          assertThat(found.place(i)).as("%s", view[counted[i]]).isEqualTo(layout.start(i) + bin);
          assertThat(bins.stuck(i)).isEqualTo(layout.start(i) + all[counted[i]].stuck());
        }
        assertThat(own).isEqualTo(expectedOwn);
      }
    }
  }

  private static ReferenceBins bins(Random random) {
    float scale = (float) Math.exp(3 * random.nextGaussian());
    int edges = random.nextInt(40);
    return switch (random.nextInt(5)) {
      case 0 -> ReferenceBins.ofCategories(new float[] {1, 2, 5}, new int[] {0, 1, 1}, MISSING);
      // Even, skewed until buckets are crowded, and so skewed that no bucket tells.
      case 1 -> ReferenceBins.of(edges(edges, scale, 1), 0, scale, MISSING);
      case 2 -> ReferenceBins.of(edges(edges, scale, 3), 0, scale, MISSING);
      case 3 -> ReferenceBins.of(edges(edges, scale, 30), 0, scale, MISSING);
      default -> ReferenceBins.of(new float[0], -1, 1, Float.NaN);
    };
  }

  private static float[] edges(int count, float scale, int power) {
    float[] edges = new float[count];
    for (int i = 0; i < count; i++) {
      edges[i] = scale * (float) Math.pow((i + 1) / (count + 1.0), power);
    }
    return edges;
  }

  private static float value(boolean inside, ReferenceBins bins, Random random) {
    float[] others = {
      Float.NaN,
      Float.intBitsToFloat(0xffc00001),
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      -Float.MAX_VALUE,
      Float.MAX_VALUE,
      MISSING,
      -0.0f,
      bins.minimum,
      bins.maximum,
      Math.nextDown(bins.minimum),
      Math.nextUp(bins.maximum),
      2
    };
    return inside || random.nextInt(3) > 0
        ? bins.minimum + random.nextFloat() * (bins.maximum - bins.minimum)
        : others[random.nextInt(others.length)];
  }
}
