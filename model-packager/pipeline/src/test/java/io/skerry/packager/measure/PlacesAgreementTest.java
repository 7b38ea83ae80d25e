package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PlacesAgreementTest {
  private static final int ITEMS = 10;
  private static final int PLACES = 60;
  private static final int CHANNELS = 6;

  /** A detector of 640 pixels and two classes: 0 to 1 is less than a 500th of the spread. */
  @Test
  void seesThatScoresWereCrushedBesideBoxes() {
    for (boolean together : new boolean[] {true, false}) {
      List<List<Long>> shapes = List.of(together ? List.of(60L, 6L) : List.of(6L, 60L));
      Judge judge = Judge.byFloatModel(outputs(together, 0, 1), shapes, 0.5);

      assertThat(judge.quality(outputs(together, 1, 1)).value()).as("noise").isEqualTo(1);
      assertThat(judge.quality(outputs(together, 0, 0)).value()).as("no scores").isZero();
      assertThat(judge.quality(outputs(together, 0, Float.NaN)).value()).isZero();
      assertThat(judge.quality(outputs(together, 300, 1)).value()).as("other boxes").isZero();
    }
  }

  @Test
  void holdsScoresBesideBoxesToTheirSpreadAndNotToTheLargest() {
    List<List<Long>> shapes = List.of(List.of(4L, 2L), List.of(4L));
    List<Integer> sizes = List.of(8, 4);
    Outputs floats =
        Outputs.of(
            sizes, 1, 2, 3, 4, 5, 6, 7, 8, .9f, .1f, .5f, .2f, 8, 7, 6, 5, 4, 3, 2, 1, .1f, .8f,
            .7f, .2f);
    Outputs crushed =
        Outputs.of(
            sizes, 1, 2, 3, 4, 5, 6, 7, 8, .02f, .01f, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0, .02f, .01f,
            0);
    Judge judge = Judge.byFloatModel(floats, shapes, 0.5);

    assertThat(judge.quality(floats).value()).isEqualTo(1);
    assertThat(judge.quality(crushed).value()).isZero();
    assertThat(judge.quality(crushed).flips()).as("places are no classes").isEmpty();
  }

  @Test
  void findsTheChannelsOfTheUsualShapes() {
    assertThat(place(84, 8400)).contains(new Places(84, false));
    assertThat(place(25200, 85)).contains(new Places(85, true));
    assertThat(place(255, 13, 13)).contains(new Places(255, false));
    assertThat(place(13, 13, 255)).contains(new Places(255, true));
    assertThat(place(3, 85, 13, 13)).contains(new Places(255, false));
    assertThat(place(3, 13, 17, 85)).contains(new Places(85, true));
    assertThat(place(21, 320, 512)).contains(new Places(21, false));
    assertThat(place(1000)).isEmpty();
    assertThat(place(1, 1, 1000)).isEmpty();
    assertThat(place(1)).isEmpty();
    assertThat(Places.of(List.of(List.of(1000L), List.of(100L, 4L), List.of(100L), List.of(1L))))
        .containsExactly(
            Optional.empty(),
            Optional.of(new Places(4, true)),
            Optional.of(new Places(1, true)),
            Optional.empty());
  }

  @Test
  void findsOneChannelWhereAnImageHasNoMore() {
    Places one = new Places(1, true);

    assertThat(place(1, 480, 640)).contains(one);
    assertThat(place(480, 640, 1)).contains(one);
    assertThat(place(256, 256, 1)).contains(one);
    assertThat(place(256, 256)).contains(one);
    // Boxes of a detector that repeats them for each class.
    assertThat(place(8400, 1, 4)).contains(new Places(4, true));
    assertThat(Places.of(List.of(List.of(1L, 100L, 4L), List.of(100L))))
        .as("scores beside boxes")
        .containsExactly(Optional.of(one), Optional.of(one));
  }

  /** A row of sky is as far from everywhere: what is lost of it is little of the whole depth. */
  @Test
  void holdsFlatRowsOfAMapToTheSpreadOfTheMap() {
    for (List<Long> shape : List.of(List.of(1L, 2L, 3L), List.of(2L, 3L, 1L))) {
      Judge judge = Judge.byFloatModel(Outputs.of(6, 9, 9, 9.1f, 2, 40, 80), List.of(shape), 0.5);

      assertThat(judge.quality(Outputs.of(6, 10, 8, 9, 2, 41, 79)).value()).isEqualTo(1);
      assertThat(judge.quality(Outputs.of(6, 10, 8, 9, 30, 41, 79)).value()).isZero();
    }
  }

  /** It is off by steps of the wide ones, and says next to nothing that these could hide. */
  @Test
  void losesNoHiddenStateOfWhichChannelsHappenToLieWithinOne() {
    for (float about : new float[] {0.02f, 0.31f, 0.97f}) {
      for (int weak : new int[] {1, 2, 8}) {
        Outputs floats = hidden(weak, about, 0.005f, 0);
        PlacesAgreement agreement = new PlacesAgreement(floats, new Places(32, true), 0.5);

        assertThat(agreement.loses(hidden(weak, about, 0.005f, 0.03f)))
            .as("%d channels about %s", weak, about)
            .isFalse();
      }
    }
  }

  /** Steps of int8 are wide beside one narrow channel of many; beside more, they hide something. */
  @Test
  void agreesWhereOneOfManyChannelsIsNoise() {
    for (float about : new float[] {-0.4f, 0.02f, 0.31f, 0.97f}) {
      Outputs one = hidden(1, about, 0.005f, 0);
      Outputs two = hidden(2, about, 0.005f, 0);

      assertThat(agrees(one, hidden(1, about, 0.005f, 0.02f))).as("%s", about).isTrue();
      assertThat(agrees(two, hidden(2, about, 0.005f, 0.02f))).as("%s", about).isFalse();
      assertThat(agrees(one, hidden(1, about, 0.005f, 0.4f))).as("%s", about).isFalse();
      assertThat(agrees(one, hidden(1, about, 0.5f, 0))).as("%s", about).isFalse();
    }
  }

  private static boolean agrees(Outputs floats, Outputs said) {
    return new PlacesAgreement(floats, new Places(32, true), 0.5).agrees(said, 0);
  }

  /**
   * What a ReLU leaves of a channel is like scores: 0 at most places, and less than 1 elsewhere.
   */
  @Test
  void losesNoHiddenStateOfWhichChannelsAreSeldomMoreThanNothing() {
    Outputs floats = sparse(0.05f, 0);
    PlacesAgreement agreement = new PlacesAgreement(floats, new Places(32, true), 0.5);

    assertThat(agreement.loses(sparse(0.05f, 0.15f))).isFalse();
    assertThat(agreement.loses(sparse(0, 0))).as("nothing left of it").isTrue();
  }

  /** One of many channels of a detector: eighty classes, seen at one place of sixty. */
  @Test
  void findsThatScoresAreGoneHoweverSeldomThereIsOne() {
    Outputs floats = detector(1, 0);
    PlacesAgreement agreement = new PlacesAgreement(floats, new Places(84, true), 0.5);

    assertThat(agreement.loses(floats)).isFalse();
    assertThat(agreement.loses(detector(1, 0.02f))).isFalse();
    assertThat(agreement.loses(detector(0, 0))).as("all 0").isTrue();
    assertThat(agreement.loses(detector(0, 0.4f))).as("all noise").isTrue();
    assertThat(agreement.loses(detector(Float.NaN, 0))).as("no numbers").isTrue();
    for (int item = 0; item < ITEMS; item++) {
      assertThat(agreement.agrees(detector(1, 0.001f), item)).isTrue();
      assertThat(agreement.agrees(detector(0, 0), item)).isFalse();
      assertThat(agreement.agrees(detector(0.4f, 0), item)).isFalse();
    }
  }

  /** Steps of coordinates in pixels are wider than any score. */
  @Test
  void holdsAScoreToItsOwnRangeHoweverWideTheCoordinatesBesideItAre() {
    Outputs floats = scored(0.45f);
    PlacesAgreement agreement = new PlacesAgreement(floats, new Places(20, true), 0.5);

    assertThat(agreement.agrees(scored(0.44f), 0)).isTrue();
    assertThat(agreement.agrees(scored(0), 0)).isFalse();
    assertThat(agreement.agrees(scored(0.9f), 0)).isFalse();
  }

  /** What counts as found is what whoever packages says. */
  @Test
  void findsThatScoresAboveTheThresholdAreGone() {
    Outputs floats = rare(0.4f);
    PlacesAgreement half = new PlacesAgreement(floats, new Places(84, true), 0.5);
    PlacesAgreement quarter = new PlacesAgreement(floats, new Places(84, true), 0.25);

    assertThat(half.agrees(rare(0.35f), 0)).isTrue();
    assertThat(quarter.agrees(rare(0.35f), 0)).isTrue();
    assertThat(quarter.agrees(rare(0), 0)).isFalse();
  }

  /** By a threshold that everything reaches, what is sure is not lost among it. */
  @Test
  void findsThatScoresAreGoneHoweverLowTheThreshold() {
    PlacesAgreement low = new PlacesAgreement(rare(0.9f), new Places(84, true), 0);

    assertThat(low.agrees(rare(0.9f), 0)).isTrue();
    assertThat(low.agrees(rare(0), 0)).isFalse();
  }

  /** A score beside nineteen coordinates, in two items; the second one's best is .95. */
  private static Outputs scored(float score) {
    Random random = new Random(8);
    float[] values = new float[2 * PLACES * 20];
    for (int i = 0; i < values.length; i++) {
      boolean first = i < values.length / 2;
      values[i] =
          i % 20 > 0 ? 150 * (float) random.nextGaussian() : first ? score : i % 40 > 0 ? 0 : 0.95f;
    }
    return Outputs.of(PLACES * 20, values);
  }

  /** Of 80 classes one is seen at one place of the first item; the second one is surer. */
  private static Outputs rare(float score) {
    Random random = new Random(9);
    float[] values = new float[2 * 1000 * 84];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 84 < 4 ? 150 * (float) random.nextGaussian() : 0;
    }
    values[500 * 84 + 10] = score;
    values[1500 * 84 + 10] = 0.95f;
    return Outputs.of(1000 * 84, values);
  }

  /** A mask of what is not to be looked at is infinite, and so it is in a good form. */
  @Test
  void comparesNoNumbersWithoutEndThatAreTheSame() {
    Outputs floats = masked(Float.NEGATIVE_INFINITY, 0);
    PlacesAgreement agreement = new PlacesAgreement(floats, new Places(4, true), 0.5);

    assertThat(agreement.agrees(masked(Float.NEGATIVE_INFINITY, 0.01f), 0)).isTrue();
    assertThat(agreement.loses(masked(Float.NEGATIVE_INFINITY, 0.01f))).isFalse();
    for (float other : new float[] {Float.POSITIVE_INFINITY, Float.NaN, 0, -3e38f}) {
      assertThat(agreement.agrees(masked(other, 0), 0)).as("%s", other).isFalse();
      assertThat(agreement.loses(masked(other, 0))).as("%s", other).isTrue();
    }
    // Of few numbers that are left in it, a channel is held to those.
    assertThat(agreement.loses(masked(Float.NEGATIVE_INFINITY, 3))).isTrue();
  }

  /** Four channels, of which half are masked at all places but one. */
  private static Outputs masked(float mask, float off) {
    Random random = new Random(6);
    float[] values = new float[2 * PLACES * 4];
    for (int i = 0; i < values.length; i++) {
      float value = (float) random.nextGaussian();
      boolean seen = i / 4 % PLACES == 0;
      values[i] = i % 4 > 1 || seen ? value + (seen ? off : 0) : mask;
    }
    return Outputs.of(PLACES * 4, values);
  }

  /** 32 channels, of which some are weak, with noise of the same step everywhere. */
  private static Outputs hidden(int weak, float about, float spread, float noise) {
    Random random = new Random(3);
    Random off = new Random(4);
    float[] values = new float[ITEMS * PLACES * 32];
    for (int i = 0; i < values.length; i++) {
      float value = (float) Math.clamp(random.nextGaussian(), -3, 3);
      float said = i % 32 < weak ? about + spread * value : 3 * value;
      values[i] = said + noise * (float) off.nextGaussian();
    }
    return Outputs.of(PLACES * 32, values);
  }

  /** Eight of 32 channels are at some places what a half to one is, and 0 at all others. */
  private static Outputs sparse(float share, float noise) {
    Random random = new Random(3);
    Random found = new Random(7);
    Random off = new Random(4);
    float[] values = new float[ITEMS * PLACES * 32];
    for (int i = 0; i < values.length; i++) {
      float wide = 150 * (float) Math.max(0, random.nextGaussian());
      float seldom = found.nextFloat() < share ? 0.5f + found.nextFloat() / 2 : 0;
      values[i] = (i % 32 < 8 ? seldom : wide) + noise * (float) off.nextGaussian();
    }
    return Outputs.of(PLACES * 32, values);
  }

  /** Four numbers of a box in pixels, and eighty classes of which one is seen at one place. */
  private static Outputs detector(float factor, float noise) {
    Random random = new Random(5);
    Random off = new Random(4);
    float[] values = new float[ITEMS * PLACES * 84];
    for (int item = 0; item < ITEMS; item++) {
      for (int i = 0; i < PLACES * 84; i++) {
        float box = 640 * random.nextFloat();
        float score = i == (7 + item) * 84 + 4 + item ? 0.9f : 0.0001f * random.nextFloat();
        float said = factor * score + noise * (float) off.nextGaussian();
        values[item * PLACES * 84 + i] = i % 84 < 4 ? box : said;
      }
    }
    return Outputs.of(PLACES * 84, values);
  }

  private static Optional<Places> place(long... shape) {
    return Places.of(List.of(java.util.Arrays.stream(shape).boxed().toList())).getFirst();
  }

  /** Boxes in pixels that are off by so many, and scores of two classes times a factor. */
  private static Outputs outputs(boolean together, float off, float factor) {
    Random random = new Random(1);
    Random noise = new Random(2);
    float[] values = new float[ITEMS * PLACES * CHANNELS];
    for (int item = 0; item < ITEMS; item++) {
      for (int place = 0; place < PLACES; place++) {
        boolean found = random.nextInt(10) == 0;
        for (int channel = 0; channel < CHANNELS; channel++) {
          float box = 640 * random.nextFloat() + off * (float) noise.nextGaussian();
          float score = channel == 4 && found ? 0.9f : 0.001f * random.nextFloat();
          int at = together ? place * CHANNELS + channel : channel * PLACES + place;
          values[item * PLACES * CHANNELS + at] = channel < 4 ? box : factor * score;
        }
      }
    }
    return Outputs.of(PLACES * CHANNELS, values);
  }
}
