package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class UnjudgedTest {
  private static final int ITEMS = 100;

  @Test
  void hasNothingToSayOfOutputsThatAreAboutTheSame() {
    float[] floats = random(1, 3 * ITEMS, 1);
    Unjudged unjudged = unjudged(3, floats);

    Outputs said = Outputs.of(3, noisy(floats, 0.01f));

    assertThat(unjudged.fault(said)).isEmpty();
    assertThat(unjudged.remark(said)).isEmpty();
  }

  @Test
  void refusesOutputsThatSaySomethingElse() {
    float[] floats = random(1, 3 * ITEMS, 1);
    Unjudged unjudged = unjudged(3, floats);

    Outputs said = Outputs.of(3, random(2, 3 * ITEMS, 1));

    assertThat(unjudged.fault(said).orElseThrow())
        .contains("no longer says what the given model says", "output 'second'", "of 100 items");
    assertThat(unjudged.chosen(1, 2, 3).fault(said.chosen(1, 2, 3)).orElseThrow())
        .contains("of 3 items");
  }

  /** A head that hardly ever fires: integers of it are all 0, and nothing is wrong with that. */
  @Test
  void onlyRemarksThatProbabilitiesNextToNothingAreNoise() {
    float[] floats = new float[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      floats[i] = 1e-6f * i;
    }
    Unjudged unjudged = unjudged(1, floats);

    Outputs said = Outputs.of(1, new float[ITEMS]);

    assertThat(unjudged.fault(said)).isEmpty();
    assertThat(unjudged.remark(said).orElseThrow())
        .isEqualTo("output 'second', which does not judge, agrees on 100 of 100 items at 0.0 dB");
  }

  @Test
  void refusesNumbersThatAreNone() {
    float[] floats = random(1, ITEMS, 1);
    float[] none = new float[ITEMS];
    Arrays.fill(none, Float.NaN);

    assertThat(unjudged(1, floats).fault(Outputs.of(1, none))).isPresent();
  }

  /** A hidden state: one channel of little spread drowns in the steps of the wide ones. */
  @Test
  void onlyRemarksThatFewOfManyChannelsAreNoise() {
    Unjudged unjudged = unjudged(List.of(-1L, 20L, 16L), channels(0));

    Outputs said = Outputs.of(320, channels(1));

    assertThat(unjudged.fault(said)).isEmpty();
    assertThat(unjudged.remark(said).orElseThrow()).contains("agrees on 0 of 100 items");
  }

  /** Boxes in pixels hide in all decibels that nothing is left of the scores beside them. */
  @Test
  void refusesChannelsOfWhichNothingIsLeft() {
    Unjudged many = unjudged(List.of(-1L, 20L, 16L), channels(0));
    float[] boxes = random(3, ITEMS * 50, 300);
    float[] lost = boxes.clone();
    for (int i = 0; i < boxes.length; i += 5) {
      boxes[i] = (i / 5) % 10 / 10f;
      lost[i] = 0;
    }
    Unjudged scores = unjudged(List.of(-1L, 10L, 5L), boxes);

    assertThat(many.fault(Outputs.of(320, channels(8)))).isPresent();
    assertThat(scores.fault(Outputs.of(50, lost))).isPresent();
    assertThat(scores.fault(Outputs.of(50, boxes))).isEmpty();
  }

  /** Alone, a row of numbers is one of classes, of which noise turns the first. */
  @Test
  void knowsScoresBesideBoxesThatAreJudgedBy() {
    float[] floats = new float[20 * ITEMS];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = i % 20 < 10 ? 0.9f : 0.1f;
    }
    TensorSpec boxes = new TensorSpec("boxes", ElementType.FP32, List.of(-1L, 20L, 4L));
    TensorSpec scores = new TensorSpec("scores", ElementType.FP32, List.of(-1L, 20L));
    Unjudged unjudged = Unjudged.of(List.of(boxes), List.of(scores), Outputs.of(20, floats), 0.5);

    Outputs said = Outputs.of(20, noisy(floats, 0.01f));

    assertThat(unjudged.fault(said)).isEmpty();
    assertThat(unjudged.remark(said)).isEmpty();
  }

  /** A number that is cut off at 6 on all items has no spread that a step could be a share of. */
  @Test
  void onlyRemarksThatAConstantIsOffByAStep() {
    float[] floats = new float[ITEMS];
    Arrays.fill(floats, 6);
    float[] near = new float[ITEMS];
    Arrays.fill(near, 5.99f);
    float[] wide = new float[ITEMS];
    float[] constant = new float[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      wide[i] = 5 + i * 0.02f;
      constant[i] = 6;
    }

    assertThat(unjudged(1, floats).fault(Outputs.of(1, near))).isEmpty();
    assertThat(unjudged(1, floats).fault(Outputs.of(1, new float[ITEMS]))).isPresent();
    assertThat(unjudged(1, wide).fault(Outputs.of(1, constant))).isPresent();
  }

  /** One channel of a hidden state that stays within 0 and 1 is no score of a class. */
  @Test
  void onlyRemarksThatAWeakChannelWithinOneIsNoise() {
    float[] floats = random(5, 320 * ITEMS, 1);
    for (int i = 0; i < floats.length; i += 16) {
      floats[i] = 0.4f + 0.002f * floats[i];
    }
    Unjudged unjudged = unjudged(List.of(-1L, 20L, 16L), floats);

    Outputs said = Outputs.of(320, noisy(floats, 0.02f));

    assertThat(unjudged.fault(said)).isEmpty();
    assertThat(unjudged.remark(said).orElseThrow()).contains("agrees on 0 of 100 items");
  }

  @Test
  void hasNothingToSayOfNumbersWithoutEndThatAreTheSame() {
    for (List<Long> shape : List.of(List.of(-1L, 3L), List.of(-1L, 1L), List.of(-1L, 2L, 5L))) {
      int each = shape.stream().skip(1).reduce(1L, Math::multiplyExact).intValue();
      float[] floats = random(1, each * ITEMS, 1);
      float[] near = noisy(floats, 0.001f);
      for (int i = 0; i < floats.length; i += 7) {
        floats[i] = new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}[i % 2];
        near[i] = floats[i];
      }
      Unjudged unjudged = unjudged(shape, floats);

      assertThat(unjudged.fault(Outputs.of(each, near))).as("%s", shape).isEmpty();
      assertThat(unjudged.remark(Outputs.of(each, near))).as("%s", shape).isEmpty();
      for (int i = 0; i < floats.length; i += 7) {
        near[i] = 3;
      }
      assertThat(unjudged.fault(Outputs.of(each, near))).as("%s", shape).isPresent();
    }
  }

  /** A model of one item may judge by a number that has no dimension at all. */
  @Test
  void standsBesideAnOutputWithoutDimensions() {
    TensorSpec score = new TensorSpec("score", ElementType.FP32, List.of());
    TensorSpec other = new TensorSpec("other", ElementType.FP32, List.of(1L, 3L));
    float[] floats = random(1, 3 * ITEMS, 1);

    Unjudged unjudged = Unjudged.of(List.of(score), List.of(other, score), said(floats), 0.5);

    assertThat(unjudged.fault(said(floats))).isEmpty();
    assertThat(unjudged.fault(said(random(2, 3 * ITEMS, 1)))).isPresent();
  }

  /** Three numbers and, of them, the first by itself. */
  private static Outputs said(float[] values) {
    float[] both = new float[values.length / 3 * 4];
    for (int i = 0; i < both.length; i++) {
      both[i] = values[i / 4 * 3 + i % 4 % 3];
    }
    return Outputs.of(List.of(3, 1), both);
  }

  /** Of 20 places with 16 channels each, half of them narrow: so many of these turn round. */
  private static float[] channels(int turned) {
    float[] values = random(5, 320 * ITEMS, 1);
    for (int i = 0; i < values.length; i++) {
      boolean narrow = i % 16 < 8;
      values[i] *= narrow ? 0.05f : 1;
      values[i] *= i % 16 < turned ? -1 : 1;
    }
    return values;
  }

  private static Unjudged unjudged(int each, float... floats) {
    return unjudged(List.of(-1L, (long) each), floats);
  }

  private static Unjudged unjudged(List<Long> shape, float... floats) {
    TensorSpec second = new TensorSpec("second", ElementType.FP32, shape);
    int each = shape.stream().skip(1).reduce(1L, Math::multiplyExact).intValue();
    return Unjudged.of(List.of(), List.of(second), Outputs.of(each, floats), 0.5);
  }

  private static float[] random(long seed, int count, double scale) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    return values;
  }

  private static float[] noisy(float[] values, float noise) {
    float[] added = random(9, values.length, noise);
    for (int i = 0; i < added.length; i++) {
      added[i] += values[i];
    }
    return added;
  }
}
