package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class ReferenceBinsTest {
  private static final int ROUNDS = 400;
  private static final int VALUES = 300;

  /** Whatever the edges are, and so whichever way the bin is found. */
  @Test
  void findsTheBinThatCountingTheEdgesBelowFinds() {
    Random random = new Random(1);
    List<Supplier<Float>> kinds =
        List.of(
            () -> (float) random.nextGaussian(),
            () -> (float) Math.exp(4 * random.nextGaussian()),
            () -> (float) random.nextInt(-5, 6),
            () -> Float.intBitsToFloat(random.nextInt(0x00800000)),
            () -> 1e30f * (float) random.nextGaussian(),
            () -> 3e38f * (2 * random.nextFloat() - 1),
            () -> 1e6f + random.nextInt(64) / 16f,
            () -> random.nextInt(20) == 0 ? 1e9f : random.nextFloat());
    for (int round = 0; round < ROUNDS; round++) {
      Supplier<Float> kind = kinds.get(round % kinds.size());
      float[] edges = edges(kind, 1 + random.nextInt(round % 3 == 0 ? 255 : 31), random);
      ReferenceBins bins = ReferenceBins.of(edges, -Float.MAX_VALUE, Float.MAX_VALUE, Float.NaN);
      for (int i = 0; i < VALUES; i++) {
        float value = value(kind, edges, random);

        assertThat(bins.index(value))
            .describedAs("%s among %s", value, Arrays.toString(edges))
            .isEqualTo(below(edges, value));
        assertThat(bins.isOwn(value)).isFalse();
      }
    }
  }

  private static float[] edges(Supplier<Float> kind, int count, Random random) {
    TreeSet<Float> edges = new TreeSet<>();
    while (edges.size() < count && edges.size() < 10) {
      edges.add(kind.get());
    }
    for (int tries = 0; edges.size() < count && tries < 1000; tries++) {
      float edge = kind.get();
      edges.add(edge);
      // As a value that fills a bin by itself has them.
      if (random.nextInt(4) == 0 && edges.size() < count) {
        edges.add(Math.nextDown(edge));
      }
    }
    float[] ascending = new float[edges.size()];
    int at = 0;
    for (float edge : edges) {
      ascending[at++] = edge;
    }
    return ascending;
  }

  private static float value(Supplier<Float> kind, float[] edges, Random random) {
    float edge = edges[random.nextInt(edges.length)];
    return switch (random.nextInt(7)) {
      case 0 -> edge;
      case 1 -> Math.nextUp(edge);
      case 2 -> Math.nextDown(edge);
      case 3 -> random.nextBoolean() ? 0.0f : -0.0f;
      case 4 -> random.nextBoolean() ? Float.MAX_VALUE : -Float.MAX_VALUE;
      default -> kind.get();
    };
  }

  private static int below(float[] edges, float value) {
    int below = 0;
    for (float edge : edges) {
      if (edge < value) {
        below++;
      }
    }
    return below;
  }

  @Test
  void tellsValuesThatAreNoMeasurementApart() {
    ReferenceBins bins = ReferenceBins.of(new float[] {0, 1, 2}, -10, 10, -99);
    ReferenceBins names = ReferenceBins.ofCategories(new float[] {1, 4}, new int[] {1, 0}, -1);

    assertThat(List.of(-99f, Float.NaN, Float.NEGATIVE_INFINITY, -11f, 11f))
        .extracting(value -> bins.index(value) - bins.ordinary())
        .containsExactly(0, 1, 2, 3, 4);
    assertThat(List.of(-99f, Float.NaN, Float.NEGATIVE_INFINITY, -11f, 11f)).allMatch(bins::isOwn);
    assertThat(List.of(1f, 4f, 2f, 9f, -1f))
        .extracting(names::index)
        .containsExactly(1, 0, 7, 7, 2);
    assertThat(List.of(1f, 4f, 2f, 9f, -1f))
        .extracting(names::isOwn)
        .containsExactly(false, false, true, true, true);
  }
}
