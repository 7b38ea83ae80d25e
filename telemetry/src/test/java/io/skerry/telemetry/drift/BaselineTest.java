package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class BaselineTest {
  private static final int DAY = 24;
  private static final int ENOUGH = 2 * DAY;
  private static final int STATISTICS = 110;
  private static final long ALLOCATED_MAX = 32_768;

  @Test
  void learnsTheCourseOfADeviceThatWasAwayForSomeWindows() {
    assertThat(farthest(Set.of(), Set.of())).isCloseTo(0, within(.005));
    assertThat(farthest(Set.of(3, 4, 17, 30), Set.of())).isCloseTo(0, within(.005));
  }

  @Test
  void learnsTheCourseOfAStatisticThatSomeWindowsLack() {
    assertThat(farthest(Set.of(), Set.of(0, 1, 2, 25, 26, 40))).isCloseTo(0, within(.005));
  }

  /** Every device that learns keeps it for days: some thousand of them must not fill the memory. */
  @Test
  void keepsLittleOfStatisticsThatWindowsLack() {
    Baseline baseline = new Baseline(0, STATISTICS, DAY);
    Noise noise = new Noise(STATISTICS, ENOUGH, 1 + 2 * Baseline.HARMONICS);
    float[] lacking = new float[STATISTICS];
    Arrays.fill(lacking, Float.NaN);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    long before = threads.getCurrentThreadAllocatedBytes();
    for (int window = 0; window < ENOUGH - 1; window++) {
      baseline.learn(window, lacking, ENOUGH, noise);
    }

    assertThat(baseline.isLearned()).isFalse();
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(ALLOCATED_MAX);
  }

  /** A course of amplitude 1, learned without noise: how far from it the baseline is at worst. */
  private static double farthest(Set<Integer> away, Set<Integer> lacking) {
    Baseline baseline = new Baseline(0, 2, DAY);
    Noise noise = new Noise(2, ENOUGH, 1 + 2 * Baseline.HARMONICS);
    for (int window = 0; !baseline.isLearned(); window++) {
      if (!away.contains(window)) {
        float value = course(window);
        baseline.learn(
            window,
            new float[] {value, lacking.contains(window) ? Float.NaN : value},
            ENOUGH,
            noise);
      }
    }
    double farthest = 0;
    for (int window = 0; window < DAY; window++) {
      float[] row = {course(window), course(window)};
      baseline.subtract(window, row);
      farthest = Math.max(farthest, Math.max(Math.abs(row[0]), Math.abs(row[1])));
    }
    return farthest;
  }

  private static float course(int window) {
    return (float) (.4 + Math.sin(2 * Math.PI * (window + 5) / DAY));
  }

  /**
   * A state of before did not tell it; it is learned of as many windows, and survives a restart.
   */
  @Test
  void learnsWhatADeviceVariesByAfterwardsWhereTheStateDoesNotTell() {
    int learned = 10;
    Baseline old =
        read(
            DriftLedger.STATE_FORMAT_VARIED,
            to -> {
              to.putInt(learned);
              to.putFloats(new float[] {.1f, Float.NaN});
              to.putFlag(false);
            });

    for (int window = 0; window < learned; window++) {
      assertThat(old.variance(0)).isZero();
      // Nine times nothing, and once all; off by .3 from what it was.
      old.subtract(window, new float[] {window == 4 ? 1.4f : .4f, 1});
      Baseline before = old;
      old = read(DriftLedger.STATE_FORMAT_OFTEN + 1, before::write);
    }

    assertThat(old.variance(0)).isCloseTo(.1f, within(1e-5f));
    assertThat(old.variance(1)).isZero();
    old.subtract(learned, new float[] {9, 1});
    assertThat(old.variance(0)).isCloseTo(.1f, within(1e-5f));
  }

  private static Baseline read(int format, Consumer<StateWriter> written) {
    List<byte[]> parts = new ArrayList<>();
    StateWriter to = new StateWriter(parts::add);
    written.accept(to);
    to.end();
    return Baseline.read(new StateReader(parts.iterator()), format, 0, 2, 1);
  }
}
