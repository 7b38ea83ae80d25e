package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.telemetry.drift.BaselineBins;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CountsAlikeTest {
  private static final BaselineBins HOURS =
      new BaselineBins(List.of(40.0, 80.0), 0, 120, List.of(1L, 1L, 1L), false);
  private static final BaselineBins SHARES =
      new BaselineBins(List.of(.25, .5, .75), 0, 1, List.of(1L, 1L, 1L, 1L), false);

  /** A version that is packaged again may have its score in other bins than the one before. */
  @Test
  void addsUpOnlyWhatWasCountedInTheSameBins() {
    CountsAlike counts = new CountsAlike();

    counts.add("a", Optional.of(HOURS), new long[] {1, 2, 3}, 1);
    counts.add("b", Optional.of(SHARES), new long[] {9, 9, 9, 9}, 4);
    counts.close();
    counts.add("c", Optional.of(HOURS), new long[] {1, 1, 1}, 2);
    counts.add("d", Optional.empty(), new long[] {0, 0, 1}, 1);
    counts.close();

    assertThat(counts.counts()).containsExactly(2, 3, 5);
    assertThat(counts.devices()).isEqualTo(3);
    assertThat(counts.fold()).isEqualTo(2);
    assertThat(counts.bins()).contains(HOURS);
  }
}
