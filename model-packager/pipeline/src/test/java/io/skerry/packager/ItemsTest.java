package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.data.Labels;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ItemsTest {
  @Test
  void everyClassJudgesHoweverItemsAreOrdered() {
    assertThat(Items.judges(alternating(12, 2))).containsExactly(1, 2, 5, 6, 9, 10);
    for (int classes = 1; classes <= 6; classes++) {
      Labels labels = alternating(60, classes);

      int[] judges = Items.judges(labels);

      assertThat(judges).hasSizeBetween(29, 31);
      for (int c = 0; c < classes; c++) {
        int wanted = c;
        assertThat(Arrays.stream(judges).filter(item -> labels.at(item) == wanted).count())
            .isBetween(60L / classes / 2, 60L / classes / 2 + 1);
      }
    }
  }

  @Test
  void classesOfOneItemFallToTheSmallerHalf() {
    assertThat(Items.judges(Labels.of(IntStream.range(0, 6).toArray()))).containsExactly(1, 3, 5);
    assertThat(Items.judges(Labels.of(0, 0, 0, 1))).containsExactly(1, 3);
  }

  private static Labels alternating(int items, int classes) {
    return Labels.of(IntStream.range(0, items).map(item -> item % classes).toArray());
  }
}
