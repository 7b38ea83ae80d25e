package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

  /** A folder's images are those of all folders in it. */
  @Test
  void aFolderWithinTheCalibrationDataIsNoOther(@TempDir Path folder) throws Exception {
    Path all = Files.createDirectories(folder.resolve("all"));
    Path part = Files.createDirectories(all.resolve("test"));
    Path beside = Files.createDirectories(folder.resolve("all-others"));
    Path file = Files.createFile(all.resolve("test.npy"));

    for (Path[] same : new Path[][] {{part, all}, {all, part}, {all, all}}) {
      assertThatThrownBy(() -> Items.requireOther(same[0], same[1]))
          .isInstanceOf(DataRefusedException.class)
          .hasMessageContainingAll(same[0] + " is the calibration data", "evaluate on other items");
    }
    assertThatCode(() -> Items.requireOther(beside, all)).doesNotThrowAnyException();
    assertThatCode(() -> Items.requireOther(file, all)).doesNotThrowAnyException();
  }

  /** Such a folder's items are its own files: there may be a folder of others in it. */
  @Test
  void aFolderOfRawItemsHoldsNoneOfFoldersWithin(@TempDir Path folder) throws Exception {
    Path all = Files.createDirectories(folder.resolve("all"));
    Files.createFile(all.resolve("data.yaml"));
    Path part = Files.createDirectories(all.resolve("evaluation"));

    assertThatCode(() -> Items.requireOther(part, all)).doesNotThrowAnyException();
    assertThatCode(() -> Items.requireOther(all, part)).doesNotThrowAnyException();
    assertThatThrownBy(() -> Items.requireOther(all, all)).isInstanceOf(DataRefusedException.class);
  }

  /** Rows of few levels that nobody repeats in little data are repeated in much. */
  @Test
  void rowsOfFewLevelsMayBeThoseOfCalibration() {
    Samples few = rows(IntStream.range(0, 40));
    Samples many = rows(IntStream.range(0, 200).map(i -> i % 60));

    assertThat(Items.shared(few, many, true)).isEqualTo(140);
    assertThatThrownBy(() -> Items.shared(few, rows(IntStream.range(10, 45)), true))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContaining("30 of its 35 items are calibration items");
    assertThatThrownBy(() -> Items.shared(few, rows(IntStream.range(0, 200)), true))
        .isInstanceOf(DataRefusedException.class);
  }

  @Test
  void aCopyIsRefusedHoweverAlikeItsRowsAre() {
    assertThatThrownBy(
            () ->
                Items.shared(
                    rows(IntStream.range(0, 200).map(i -> i % 6)),
                    rows(IntStream.range(0, 200).map(i -> i % 6)),
                    true))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContaining("200 of its 200 items are calibration items");
  }

  private static Samples rows(IntStream values) {
    int[] all = values.toArray();
    float[] floats = new float[all.length];
    for (int i = 0; i < all.length; i++) {
      floats[i] = all[i];
    }
    return Samples.of("rows", NpyArray.ofFloats(floats, all.length, 1), 1);
  }

  private static Labels alternating(int items, int classes) {
    return Labels.of(IntStream.range(0, items).map(item -> item % classes).toArray());
  }
}
