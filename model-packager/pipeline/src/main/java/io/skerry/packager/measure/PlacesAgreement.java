package io.skerry.packager.measure;

import java.util.Arrays;

/**
 * Whether numbers that have places are about those of the float model: as root mean squares, within
 * a tenth of the spread of all that it says there.
 *
 * <p>Each channel is held to its own spread, or a box of hundreds of pixels would hide that every
 * score became 0. Channels that stay within 0 and 1, as scores of classes do, are held together to
 * one spread: most classes are not seen in most items, and what is said of them is next to nothing.
 * Channels that hardly vary are held to a hundredth of the widest, and one of twenty to a tenth.
 *
 * <p>A channel of a hidden state may stay within 0 and 1 as well. Scores are told from it by what
 * they say where they are sure: the numbers of at least half the largest, or the threshold. They
 * are lost when these are, which no noise about small or narrow numbers does.
 *
 * <p>Numbers that are infinite in both, or none in both, are the same.
 */
final class PlacesAgreement {
  private static final double TOLERANCE = 0.1;
  private static final double NARROWEST = 0.01;

  /** Of many channels, few may be held to this share of the widest: steps of int8 are so wide. */
  private static final double NARROW = 0.1;

  private static final double NARROW_SHARE_MAX = 0.05;

  /** Noise that is so much of the spread leaves nothing of what was said. */
  private static final double LOST = 0.7;

  /** Of a hidden state's hundreds of channels the narrowest are lost beside a wide one. */
  private static final double LOST_SHARE_MAX = 0.25;

  /** Numbers within 0 and 1 that never reach this say nothing that could be lost. */
  private static final double SURE_MIN = 0.25;

  /** What is at least so much of the largest is sure; noise of so much leaves nothing of it. */
  private static final double SURE_SHARE = 0.5;

  /** What is sure may be off by so much of the largest, however wide the other channels are. */
  private static final double SURE_TOLERANCE = 0.25;

  /** A detector of one class has up to 40 numbers of a box and its landmarks beside the score. */
  private static final double SCORES_SHARE_MIN = 1 / 40.0;

  /** Of a number within 0 and 1, what is held to no more, however wide the other channels are. */
  private static final double SCORE_NARROWEST_MAX = 0.1;

  /** The same where few of many channels may be off by more than that allows. */
  private static final double SCORE_NARROW_MAX = 0.5;

  /** Noise that leaves nothing of numbers within 0 and 1, sure or not. */
  private static final double SCORE_NOISE_MAX = 0.25;

  private final Outputs wanted;
  private final Places places;

  /** Of each channel, which of those that are held together; those within 0 and 1 are group 0. */
  private final int[] groups;

  /** Channels of group 0, which may be empty; each other channel is a group of its own. */
  private final int within;

  /** The largest number in group 0, and at least {@value #SURE_MIN}. */
  private final double surest;

  private final double[] spreads;

  /** Of the groups but the first one. */
  private final double widest;

  /** What a narrow group is held to instead of its spread. */
  private final double[] narrowest;

  /** The score from which something was found. */
  private final double threshold;

  /**
   * Compares with these.
   *
   * @param threshold the score from which something was found
   */
  PlacesAgreement(Outputs wanted, Places places, double threshold) {
    this.wanted = wanted;
    this.places = places;
    float[] least = filled(Float.POSITIVE_INFINITY);
    float[] most = filled(Float.NEGATIVE_INFINITY);
    for (int item = 0; item < wanted.items(); item++) {
      for (int i = 0; i < wanted.perItem(); i++) {
        float value = wanted.at(item, i);
        int channel = places.channelOf(i, wanted.perItem());
        if (Float.isFinite(value)) {
          least[channel] = Math.min(least[channel], value);
          most[channel] = Math.max(most[channel], value);
        }
      }
    }
    this.groups = new int[places.channels()];
    int others = 0;
    double largest = SURE_MIN;
    for (int channel = 0; channel < groups.length; channel++) {
      boolean score = least[channel] >= 0 && most[channel] >= 0 && most[channel] <= 1;
      groups[channel] = score ? 0 : ++others;
      largest = score ? Math.max(largest, most[channel]) : largest;
    }
    this.within = groups.length - others;
    this.surest = largest;
    this.threshold = threshold;
    this.spreads = spreads(others + 1);
    // Numbers within 0 and 1 are no measure for the others.
    this.widest = Arrays.stream(spreads).skip(1).max().orElse(0);
    this.narrowest = new double[spreads.length];
    Arrays.fill(narrowest, NARROWEST * widest);
    narrowest[0] = Math.min(narrowest[0], SCORE_NARROWEST_MAX);
  }

  private float[] filled(float value) {
    float[] values = new float[places.channels()];
    Arrays.fill(values, value);
    return values;
  }

  private int group(int element) {
    return groups[places.channelOf(element, wanted.perItem())];
  }

  private double[] spreads(int count) {
    long[] counts = new long[count];
    double[] means = new double[count];
    double[] squares = new double[count];
    for (int item = 0; item < wanted.items(); item++) {
      for (int i = 0; i < wanted.perItem(); i++) {
        float value = wanted.at(item, i);
        if (Float.isFinite(value)) {
          int group = group(i);
          counts[group]++;
          means[group] += value;
        }
      }
    }
    for (int group = 0; group < count; group++) {
      means[group] /= Math.max(1, counts[group]);
    }
    for (int item = 0; item < wanted.items(); item++) {
      for (int i = 0; i < wanted.perItem(); i++) {
        if (Float.isFinite(wanted.at(item, i))) {
          double deviation = wanted.at(item, i) - means[group(i)];
          squares[group(i)] += deviation * deviation;
        }
      }
    }
    double[] spreads = new double[count];
    for (int group = 0; group < count; group++) {
      spreads[group] = counts[group] == 0 ? 0 : Math.sqrt(squares[group] / counts[group]);
    }
    return spreads;
  }

  /** Of one item. */
  boolean agrees(Outputs said, int item) {
    Noise noise = new Noise();
    noise.add(said, item);
    int narrow = 0;
    for (int group = 0; group < spreads.length; group++) {
      double of = noise.of(group);
      if (of <= TOLERANCE * spreads[group]) {
        continue;
      }
      if (group == 0 && !(noise.ofSure() <= SURE_TOLERANCE * surest)) {
        return false;
      }
      if (!(of <= TOLERANCE * narrowest[group])) {
        double most = NARROW * widest;
        if (!(of <= TOLERANCE * (group == 0 ? Math.min(most, SCORE_NARROW_MAX) : most))) {
          return false;
        }
        narrow += group == 0 ? within : 1;
      }
    }
    return narrow <= NARROW_SHARE_MAX * groups.length;
  }

  /** Whether nothing is left, over all items, of the scores or of many other channels. */
  boolean loses(Outputs said) {
    Noise noise = new Noise();
    for (int item = 0; item < wanted.items(); item++) {
      noise.add(said, item);
    }
    boolean scores = within >= SCORES_SHARE_MIN * groups.length;
    boolean alone = within == groups.length;
    if (scores && noise.exceeds(0, spreads[0]) && (alone || losesSure(noise))) {
      return true;
    }
    int others = groups.length - within;
    int lost = 0;
    for (int group = 1; group <= others; group++) {
      lost += noise.exceeds(group, Math.max(spreads[group], narrowest[group])) ? 1 : 0;
    }
    boolean lostWithin = noise.exceeds(0, Math.max(spreads[0], narrowest[0]));
    return lost > LOST_SHARE_MAX * others
        || lost + (lostWithin ? within : 0) > LOST_SHARE_MAX * groups.length;
  }

  private boolean losesSure(Noise noise) {
    return !(noise.ofSure() < SURE_SHARE * surest) || !(noise.of(0) <= SCORE_NOISE_MAX);
  }

  /** What was said, less what was wanted. */
  private final class Noise {
    private final double[] squares = new double[spreads.length];
    private final long[] counts = new long[spreads.length];
    private final Sure sure = new Sure(SURE_SHARE * surest);
    private final Sure found = new Sure(threshold);

    void add(Outputs said, int item) {
      for (int i = 0; i < wanted.perItem(); i++) {
        float one = wanted.at(item, i);
        float other = said.at(item, i);
        if (Outputs.isSameWithoutEnd(one, other)) {
          continue;
        }
        int group = group(i);
        double difference = (double) one - other;
        squares[group] += difference * difference;
        counts[group]++;
        if (group == 0) {
          sure.add(Math.max(one, other), difference);
          found.add(Math.max(one, other), difference);
        }
      }
    }

    /** Of a group; 0 where nothing is to be compared. */
    double of(int group) {
      return counts[group] == 0 ? 0 : Math.sqrt(squares[group] / counts[group]);
    }

    /** Whether it leaves nothing of what has this spread. */
    boolean exceeds(int group, double spread) {
      return !(of(group) <= LOST * spread);
    }

    /** Of what either is sure of, or has found; of whichever there is more. */
    double ofSure() {
      return Math.max(sure.noise(), found.noise());
    }
  }

  /** Noise about numbers from one on: too low a one, and it is about all that says nothing. */
  private static final class Sure {
    private final double from;
    private double squares;
    private long count;

    Sure(double from) {
      this.from = from;
    }

    void add(double number, double difference) {
      if (number >= from) {
        squares += difference * difference;
        count++;
      }
    }

    double noise() {
      return count == 0 ? 0 : Math.sqrt(squares / count);
    }
  }
}
