package io.skerry.packager.measure;

import java.util.Arrays;

/**
 * Whether numbers that have places are about those of the float model: as root mean squares, within
 * a tenth of the spread of all that it says there.
 *
 * <p>Each channel is held to its own spread, or a box of hundreds of pixels would hide that every
 * score became 0. Channels that are all within 0 and 1, the scores of classes, are held together to
 * one spread: most classes are not seen in most items, and what is said of them is next to nothing.
 * A channel that hardly varies is held to a hundredth of the widest.
 */
final class PlacesAgreement {
  private static final double TOLERANCE = 0.1;
  private static final double NARROWEST = 0.01;

  /** Noise that is so much of the spread leaves nothing of what was said. */
  private static final double LOST = 0.7;

  /** Of a hidden state's hundreds of channels the narrowest are lost beside a wide one. */
  private static final double LOST_SHARE_MAX = 0.25;

  private final Outputs wanted;
  private final Places places;

  /** Of each channel, which of those that are held together. */
  private final int[] groups;

  private final int[] sizes;
  private final double[] most;

  PlacesAgreement(Outputs wanted, Places places) {
    this.wanted = wanted;
    this.places = places;
    this.groups = groups();
    int count = Arrays.stream(groups).max().orElseThrow() + 1;
    this.sizes = new int[count];
    for (int i = 0; i < wanted.perItem(); i++) {
      sizes[group(i)]++;
    }
    this.most = new double[count];
    double[] spreads = spreads();
    // The scores are no measure for what is none.
    double widest = Arrays.stream(spreads).skip(1).max().orElse(0);
    for (int group = 0; group < count; group++) {
      most[group] =
          TOLERANCE * (group == 0 ? spreads[0] : Math.max(spreads[group], NARROWEST * widest));
    }
  }

  /** Scores are group 0, which may be empty; each other channel is one of its own. */
  private int[] groups() {
    boolean[] others = new boolean[places.channels()];
    for (int item = 0; item < wanted.items(); item++) {
      for (int i = 0; i < wanted.perItem(); i++) {
        float value = wanted.at(item, i);
        others[places.channelOf(i, wanted.perItem())] |= !(value >= 0 && value <= 1);
      }
    }
    int[] groups = new int[others.length];
    int next = 1;
    for (int channel = 0; channel < groups.length; channel++) {
      groups[channel] = others[channel] ? next++ : 0;
    }
    return groups;
  }

  private int group(int element) {
    return groups[places.channelOf(element, wanted.perItem())];
  }

  private double[] spreads() {
    double[] means = new double[sizes.length];
    double[] squares = new double[sizes.length];
    for (int item = 0; item < wanted.items(); item++) {
      for (int i = 0; i < wanted.perItem(); i++) {
        means[group(i)] += wanted.at(item, i) / ((double) wanted.items() * sizes[group(i)]);
      }
    }
    for (int item = 0; item < wanted.items(); item++) {
      for (int i = 0; i < wanted.perItem(); i++) {
        double deviation = wanted.at(item, i) - means[group(i)];
        squares[group(i)] += deviation * deviation;
      }
    }
    double[] spreads = new double[sizes.length];
    for (int group = 0; group < spreads.length; group++) {
      double count = (double) wanted.items() * sizes[group];
      spreads[group] = count == 0 ? 0 : Math.sqrt(squares[group] / count);
    }
    return spreads;
  }

  /** Of one item. */
  boolean agrees(Outputs said, int item) {
    double[] sums = new double[sizes.length];
    add(sums, said, item);
    for (int group = 0; group < sums.length; group++) {
      if (sizes[group] > 0 && !(Math.sqrt(sums[group] / sizes[group]) <= most[group])) {
        return false;
      }
    }
    return true;
  }

  /** Whether nothing is left, over all items, of the scores or of many other channels. */
  boolean loses(Outputs said) {
    double[] sums = new double[sizes.length];
    for (int item = 0; item < wanted.items(); item++) {
      add(sums, said, item);
    }
    int lost = 0;
    for (int group = 0; group < sums.length; group++) {
      double noise = Math.sqrt(sums[group] / ((double) wanted.items() * sizes[group]));
      if (sizes[group] > 0 && !(noise <= LOST / TOLERANCE * most[group])) {
        if (group == 0) {
          return true;
        }
        lost++;
      }
    }
    return lost > LOST_SHARE_MAX * (sums.length - 1);
  }

  private void add(double[] sums, Outputs said, int item) {
    for (int i = 0; i < wanted.perItem(); i++) {
      double difference = (double) wanted.at(item, i) - said.at(item, i);
      sums[group(i)] += difference * difference;
    }
  }
}
