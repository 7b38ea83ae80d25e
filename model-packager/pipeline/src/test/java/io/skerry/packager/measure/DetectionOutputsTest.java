package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class DetectionOutputsTest {
  private static final TensorSpec BOXES = spec("boxes", 1, 2, 4);
  private static final TensorSpec CLASSES = spec("classes", 1, 2);
  private static final TensorSpec SCORES = spec("scores", 1, 2);
  private static final TensorSpec COUNT = spec("count", 1);
  private static final List<TensorSpec> FOUR = List.of(BOXES, CLASSES, SCORES, COUNT);

  /** Scores, boxes of top, left, bottom, right, classes and count; the second item has one box. */
  private static final Outputs SAID =
      Outputs.of(
          13, .9f, .8f, .1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, 7, 3, 2, .5f, .4f, 0, 0, 1, 1, 0, 0,
          .5f, .5f, 2, 1, 1);

  @Test
  void readsBoxesThatCountAsCorners() {
    assertThat(BoxLayout.DETECTION_POSTPROCESS.read(FOUR))
        .containsExactly(SCORES, BOXES, CLASSES, COUNT);

    Outputs corners = BoxLayout.DETECTION_POSTPROCESS.reading(FOUR, SAID).apply(SAID);

    assertThat(corners.perItem()).isEqualTo(12);
    assertThat(corners.values())
        .containsExactly(
            .2f, .1f, .4f, .3f, .9f, 7, .6f, .5f, .8f, .7f, .8f, 3, 0, 0, 1, 1, .5f, 2, 0, 0, .5f,
            .5f, 0, 1);
  }

  @Test
  void refusesOutputsThatHoldSomethingElse() {
    for (List<TensorSpec> other :
        List.of(
            FOUR.subList(0, 3),
            FOUR.reversed(),
            List.of(SCORES, BOXES, COUNT, CLASSES),
            List.of(BOXES, CLASSES, spec("scores", 1, 3), COUNT),
            List.of(
                BOXES, CLASSES, SCORES, new TensorSpec("count", ElementType.INT32, List.of(1L))))) {
      assertThatThrownBy(() -> BoxLayout.DETECTION_POSTPROCESS.read(other))
          .hasMessageContaining("the outputs are '%s'", other.getFirst().name())
          .hasMessageEndingWith("name boxes, classes, scores and count as outputs, in this order");
    }
  }

  /** Classes and scores have one shape, so that only their numbers tell. */
  @Test
  void refusesClassesForScores() {
    List<TensorSpec> exchanged = List.of(BOXES, SCORES, CLASSES, COUNT);
    Outputs said = Outputs.of(13, 7, 3, .1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, .9f, .8f, 2);

    assertThatThrownBy(() -> BoxLayout.DETECTION_POSTPROCESS.reading(exchanged, said))
        .hasMessageContaining("output 'classes' says 7.0, which is no score");
  }

  /** Of two classes, 0 and 1 are scores too, so that what stands for classes has to tell. */
  @Test
  void refusesScoresForClasses() {
    List<TensorSpec> exchanged = List.of(BOXES, SCORES, CLASSES, COUNT);
    Outputs said = Outputs.of(13, 1, 0, .1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f, 1, .875f, 2);

    assertThatThrownBy(() -> BoxLayout.DETECTION_POSTPROCESS.reading(exchanged, said))
        .hasMessage(
            "output 'scores' says 0.875, which is no class from 0: name boxes, classes, scores and"
                + " count as outputs, in this order");
  }

  /** What an exporter rounds, and what lies behind the boxes that count, is no fault. */
  @Test
  void takesClassesThatWereComputed() {
    Outputs said = Outputs.of(13, .5f, .4f, 0, 0, 1, 1, 0, 0, .5f, .5f, 1.99f, -1, 1);

    assertThat(BoxLayout.DETECTION_POSTPROCESS.reading(FOUR, said).apply(said).at(0, 5))
        .isEqualTo(1.99f);
  }

  private static TensorSpec spec(String name, long... shape) {
    return new TensorSpec(name, ElementType.FP32, java.util.Arrays.stream(shape).boxed().toList());
  }
}
