package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.apache.datasketches.kll.KllFloatsSketch;
import org.apache.datasketches.quantilescommon.QuantileSearchCriteria;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The counters against an independent sketch of the same values. A KLL sketch is within its error
 * of the true ranks only, which is why nothing that is shipped uses one: the counters are exact.
 */
class KllOracleTest {
  private static final int VALUES = 50_000;
  private static final int DEVICES = 5;
  private static final int K = 800;

  // KLL draws lots, and its error is what 99 of 100 ranks keep: twice as much is kept always.
  private static final double CERTAINLY = 2;

  /**
   * Ranks at every edge: counters as brute force, KLL within its error, merged over devices too.
   */
  @ParameterizedTest
  @ValueSource(strings = {"gaussian", "skewed", "few"})
  void countsTheRanksThatKllEstimates(String kind) throws MalformedDocumentException {
    Random random = new Random(kind.hashCode());
    Supplier<Float> next =
        switch (kind) {
          case "gaussian" -> () -> (float) random.nextGaussian();
          case "skewed" -> () -> (float) Math.exp(2 * random.nextGaussian());
          default -> () -> (float) random.nextInt(7);
        };
    float[][] reference = new float[4000][1];
    for (float[] row : reference) {
      row[0] = next.get();
    }
    MonitoringManifest manifest =
        MonitoringManifests.fromReference(
            "input",
            List.of(new MonitoringManifests.Feature("a", 0)),
            reference,
            "score",
            new float[reference.length],
            .5);
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    int bins = plan.featureBins(0).count();
    long[] counted = new long[bins];
    KllFloatsSketch merged = KllFloatsSketch.newHeapInstance(K);
    float[] all = new float[VALUES];
    for (int device = 0; device < DEVICES; device++) {
      WindowSketch sketch = new WindowSketch(plan);
      KllFloatsSketch kll = KllFloatsSketch.newHeapInstance(K);
      for (int i = device; i < VALUES; i += DEVICES) {
        // Within what the reference saw, so that every value has an ordinary bin.
        all[i] = reference[random.nextInt(reference.length)][0];
        sketch.observe(new float[] {all[i]}, .2f, 0, 1);
        kll.update(all[i]);
      }
      for (int bin = 0; bin < bins; bin++) {
        counted[bin] += sketch.counts().count(0, bin);
      }
      merged.merge(kll);
    }

    Arrays.sort(all);
    List<Float> edges = manifest.getFeatures(0).getBins().getEdgesList();
    double error = CERTAINLY * merged.getNormalizedRankError(false);
    long below = 0;
    for (int edge = 0; edge < edges.size(); edge++) {
      below += counted[edge];
      assertThat(below).isEqualTo(atMost(all, edges.get(edge)));
      assertThat(merged.getRank(edges.get(edge), QuantileSearchCriteria.INCLUSIVE))
          .isCloseTo((double) below / VALUES, within(error));
    }
    assertThat(merged.getN()).isEqualTo(VALUES);
  }

  private static long atMost(float[] sorted, float edge) {
    long count = 0;
    while (count < sorted.length && sorted[(int) count] <= edge) {
      count++;
    }
    return count;
  }
}
