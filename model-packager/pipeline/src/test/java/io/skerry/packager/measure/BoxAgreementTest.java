package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class BoxAgreementTest {
  private static final float[] LEFT = {0, 0, 10, 10, 0.9f, 1};
  private static final float[] RIGHT = {20, 0, 30, 10, 0.8f, 0};
  private static final float[] NONE = {0, 0, 0, 0, 0, 0};

  @Test
  void isWholeWhereBoxesComeInAnotherOrderAndALittleMoved() {
    float[] moved = {1, 1, 11, 11, 0.7f, 1.01f};

    assertThat(value(items(LEFT, RIGHT), items(RIGHT, moved))).isEqualTo(1);
  }

  @Test
  void losesOfBothWhereABoxIsElsewhereOrOfAnotherClass() {
    float[] elsewhere = {6, 0, 16, 10, 0.9f, 1};
    float[] other = {0, 0, 10, 10, 0.9f, 2};

    assertThat(value(items(LEFT, RIGHT), items(elsewhere, RIGHT))).isEqualTo(0.5);
    assertThat(value(items(LEFT, RIGHT), items(other, RIGHT))).isEqualTo(0.5);
  }

  @Test
  void losesWhatIsMissingAndWhatIsTooMany() {
    assertThat(value(items(LEFT, RIGHT), items(LEFT, NONE))).isCloseTo(2.0 / 3, within(1e-9));
    assertThat(value(items(LEFT, NONE), items(LEFT, RIGHT))).isCloseTo(2.0 / 3, within(1e-9));
  }

  /** Else a model that says one box twice would agree with one that says it once. */
  @Test
  void letsABoxAnswerOneOther() {
    assertThat(value(items(LEFT, NONE), items(LEFT, LEFT))).isCloseTo(2.0 / 3, within(1e-9));
  }

  @Test
  void pairsThoseThatOverlapMost() {
    float[] near = {1, 0, 11, 10, 0.95f, 1};
    float[] far = {3, 0, 13, 10, 0.9f, 1};

    // far overlaps both; LEFT belongs to near.
    assertThat(value(items(LEFT, far), items(near, far))).isEqualTo(1);
  }

  @Test
  void takesNoLossInWhatTheThresholdHardlyDecides() {
    float[] sure = {0, 0, 10, 10, 0.52f, 1};
    float[] hardly = {0, 0, 10, 10, 0.45f, 1};
    float[] not = {0, 0, 10, 10, 0.3f, 1};

    assertThat(value(items(sure), items(hardly))).isEqualTo(1);
    assertThat(value(items(hardly), items(sure))).isEqualTo(1);
    assertThat(value(items(sure), items(not))).isZero();
    assertThat(BoxAgreement.of(items(hardly), items(not), 0.5).boxes()).isZero();
  }

  @Test
  void losesBoxesThatAreNoNumbers() {
    float[] broken = {Float.NaN, 0, 10, 10, 0.9f, 1};
    float[] unscored = {0, 0, 10, 10, Float.NaN, 1};

    assertThat(value(items(LEFT), items(broken))).isZero();
    assertThat(value(items(LEFT), items(unscored))).isZero();
  }

  @Test
  void isOfItemsOneByOne() {
    Outputs floats = Outputs.of(6, numbers(LEFT, RIGHT));
    Outputs exchanged = Outputs.of(6, numbers(RIGHT, LEFT));

    BoxAgreement agreement = BoxAgreement.of(floats, exchanged, 0.5);

    assertThat(agreement.value()).isZero();
    assertThat(agreement.boxes()).isEqualTo(4);
  }

  /** Two pictures say little, however many boxes they hold. */
  @Test
  void isAsUncertainAsItemsAreFew() {
    float[][] many = new float[40][];
    for (int i = 0; i < many.length; i++) {
      many[i] = new float[] {20 * i, 0, 20 * i + 10, 10, 0.9f, 0};
    }
    Outputs floats = Outputs.of(6 * 20, numbers(many));

    Interval interval = BoxAgreement.of(floats, floats, 0.5).interval();

    assertThat(interval.high()).isCloseTo(1, within(1e-9));
    assertThat(interval.low()).isLessThan(0.5);
  }

  @Test
  void refusesWhatIsNoBoxes() {
    Outputs five = Outputs.of(5, 0, 0, 1, 1, 1);

    assertThatThrownBy(() -> BoxAgreement.of(five, five, 0.5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("6 numbers");
  }

  private static double value(Outputs floats, Outputs candidate) {
    return BoxAgreement.of(floats, candidate, 0.5).value();
  }

  /** One item of these boxes. */
  private static Outputs items(float[]... boxes) {
    return Outputs.of(6 * boxes.length, numbers(boxes));
  }

  private static float[] numbers(float[]... boxes) {
    float[] numbers = new float[6 * boxes.length];
    for (int i = 0; i < boxes.length; i++) {
      System.arraycopy(boxes[i], 0, numbers, 6 * i, 6);
    }
    return numbers;
  }
}
