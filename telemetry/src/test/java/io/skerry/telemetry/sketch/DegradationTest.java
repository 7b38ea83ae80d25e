package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DegradationTest {
  private final StreamLayout layout = layout();
  private final WindowCounts whole = whole();

  private static StreamLayout layout() {
    StreamLayout.Builder streams = new StreamLayout.Builder();
    for (int feature = 0; feature < 16; feature++) {
      streams.feature("f" + feature, 24);
    }
    return streams.add("$latency", 24, 0).build();
  }

  private WindowCounts whole() {
    Random random = new Random(4);
    int[] counts = new int[layout.bins()];
    for (int place = 0; place < counts.length; place++) {
      counts[place] = random.nextInt(100);
    }
    return WindowCounts.of(layout, counts);
  }

  /** As a device leaves out its less important features, which need not be the last ones. */
  private WindowCounts told(Degradation step) {
    boolean[] kept = new boolean[layout.size()];
    kept[layout.features()] = true;
    int left = step.features(layout.features());
    Arrays.fill(kept, layout.features() - left, layout.features(), true);
    return whole.degraded(step.fold(), kept);
  }

  @Test
  void tellsWhichStepARecordWasToldBy() {
    List<Integer> found = new ArrayList<>();
    for (Degradation step : Degradation.ORDER) {
      found.add(Degradation.stepOf(step.windows(), told(step)));
    }

    assertThat(found).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    // The first after a start is shorter, and none is as late as one that nobody sends.
    assertThat(Degradation.stepOf(1, told(Degradation.ORDER.get(4)))).isEqualTo(4);
    assertThat(Degradation.stepOf(5, whole)).isEqualTo(3);
    assertThat(Degradation.stepOf(168, whole)).isEqualTo(10);
  }

  @Test
  void weighsALaterStepByTheFeaturesThatAreTold() {
    for (Degradation step : Degradation.ORDER.subList(6, 9)) {
      int already = step.packedBytes(told(Degradation.ORDER.get(6)));
      int fromWhole = step.packedBytes(whole);

      assertThat((double) already / fromWhole).isBetween(.9, 1.1);
    }
  }
}
