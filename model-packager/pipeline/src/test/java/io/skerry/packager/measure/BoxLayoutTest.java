package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Labels;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BoxLayoutTest {
  /** Two boxes of class 1 of three and a third that is almost the first. */
  private static final float[][] CENTRES = {
    {20, 30, 20, 20, .05f, .9f, .05f},
    {60, 70, 10, 30, .1f, .8f, .2f},
    {20.5f, 30, 20, 20, .05f, .7f, .05f},
    {90, 90, 2, 2, 0, 0, 0},
    {91, 90, 2, 2, 0, 0, 0},
    {92, 90, 2, 2, 0, 0, 0},
    {93, 90, 2, 2, 0, 0, 0},
    {94, 90, 2, 2, 0, 0, 0}
  };

  @Test
  void readsTheSameBoxesWhicheverWayTheyLie() {
    int boxes = CENTRES.length;
    float[] boxesFirst = new float[boxes * 7];
    float[] numbersFirst = new float[boxes * 7];
    float[] objectness = new float[boxes * 8];
    for (int box = 0; box < boxes; box++) {
      for (int number = 0; number < 7; number++) {
        boxesFirst[box * 7 + number] = CENTRES[box][number];
        numbersFirst[number * boxes + box] = CENTRES[box][number];
        objectness[box * 8 + (number < 4 ? number : number + 1)] = 2 * CENTRES[box][number];
      }
      for (int number = 0; number < 4; number++) {
        objectness[box * 8 + number] = CENTRES[box][number];
      }
      objectness[box * 8 + 4] = .5f;
    }

    Outputs read =
        BoxLayout.CENTRES.corners(Outputs.of(boxesFirst.length, boxesFirst), List.of(8L, 7L));

    assertThat(read.perItem()).isEqualTo(BoxLayout.BOXES_MAX * 6);
    assertThat(read.values()).startsWith(10, 20, 30, 40, .9f, 1, 55, 55, 65, 85, .8f, 1, 0, 0);
    assertThat(
            BoxLayout.CENTRES
                .corners(Outputs.of(numbersFirst.length, numbersFirst), List.of(7L, 8L))
                .values())
        .isEqualTo(read.values());
    float[] nine = Arrays.copyOf(objectness, 9 * 8);
    assertThat(
            BoxLayout.CENTRES_OBJECTNESS
                .corners(Outputs.of(nine.length, nine), List.of(9L, 8L))
                .values())
        .isEqualTo(read.values());
  }

  @Test
  void judgesADetectorByItsBoxes() {
    float[] numbersFirst = new float[8 * 7];
    float[] worse = new float[8 * 7];
    for (int box = 0; box < 8; box++) {
      for (int number = 0; number < 7; number++) {
        numbersFirst[number * 8 + box] = CENTRES[box][number];
        worse[number * 8 + box] = CENTRES[box][number] + (number == 0 && box == 1 ? 50 : 0);
      }
    }
    Labels labels =
        Labels.of(
            "boxes",
            NpyArray.ofFloats(new float[] {10, 20, 30, 40, 1, 55, 55, 65, 85, 1}, 1, 10),
            1);
    List<Long> shape = List.of(7L, 8L);

    Judge judge =
        Judge.byLabels(
            Metric.MEAN_AVERAGE_PRECISION,
            Outputs.of(56, numbersFirst),
            labels,
            .5,
            said -> BoxLayout.CENTRES.corners(said, shape));

    assertThat(judge.floatValue()).isEqualTo(1);
    assertThat(judge.quality(Outputs.of(56, numbersFirst)).value()).isEqualTo(1);
    assertThat(judge.quality(Outputs.of(56, worse)).value()).isEqualTo(.5);
  }

  /** 84 x 8400 numbers would make boxes of six as well. */
  @Test
  void takesNothingForBoxesThatMayBeSomethingElse() {
    Outputs said = Outputs.of(84 * 30, new float[84 * 30]);

    assertThatThrownBy(() -> BoxLayout.CORNERS.corners(said, List.of(84L, 30L)))
        .hasMessageContaining("84 x 30")
        .hasMessageContaining("say which of corners, centres, centres-objectness");
    assertThatThrownBy(() -> BoxLayout.CENTRES.corners(said, List.of(2520L)))
        .hasMessageContaining("two dimensions");
    assertThatThrownBy(() -> BoxLayout.CENTRES.corners(said, List.of(4L, 630L)))
        .hasMessageContaining("4 numbers and one for each class");
    assertThat(BoxLayout.CORNERS.corners(said, List.of(1L, 420L, 6L))).isSameAs(said);
    assertThat(BoxLayout.CORNERS.corners(said, List.of(2520L))).isSameAs(said);
  }
}
