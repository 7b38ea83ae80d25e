package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;

/**
 * One device's counts of one window, over a {@link StreamLayout}. Immutable.
 *
 * <p>Where neighbouring ordinary bins were added up to save bytes, the sum lies in the first of
 * them; {@link #fold(int)} tells how many. A stream that was left out has no counts at all.
 */
public final class WindowCounts {
  private final StreamLayout layout;
  private final int[] counts;
  private final boolean[] present;
  private final int fold;

  private WindowCounts(StreamLayout layout, int[] counts, boolean[] present, int fold) {
    this.layout = layout;
    this.counts = counts;
    this.present = present;
    this.fold = fold;
  }

  /**
   * Counts that nobody else keeps.
   *
   * @param counts a row over the layout, not copied
   * @throws IllegalArgumentException if the row does not fit the layout
   */
  static WindowCounts owning(StreamLayout layout, int[] counts, boolean[] present, int fold) {
    if (counts.length != layout.bins() || present.length != layout.size()) {
      throw new IllegalArgumentException(
          "%d counts do not fit a layout of %d bins".formatted(counts.length, layout.bins()));
    }
    return new WindowCounts(layout, counts, present, fold);
  }

  /**
   * Counts of every stream, copied.
   *
   * @param counts a row over the layout
   * @throws IllegalArgumentException if the row does not fit the layout
   */
  public static WindowCounts of(StreamLayout layout, int[] counts) {
    boolean[] present = new boolean[layout.size()];
    Arrays.fill(present, true);
    return owning(layout, counts.clone(), present, 1);
  }

  /** Where each stream lies. */
  public StreamLayout layout() {
    return layout;
  }

  /** Whether the stream was counted and sent. */
  public boolean has(int stream) {
    return present[stream];
  }

  /** Neighbouring ordinary bins of a stream that were added up: 1, 2 or 4. */
  public int fold(int stream) {
    return layout.ordinary(stream) >= 2 * fold ? fold : 1;
  }

  /** The count of a bin. */
  public int count(int stream, int bin) {
    return counts[layout.start(stream) + bin];
  }

  /** The count at a place of the layout's row. */
  public int at(int place) {
    return counts[place];
  }

  /** The counts of a stream, as they are told to people and databases. */
  public List<Long> counts(int stream) {
    int start = layout.start(stream);
    int bins = layout.bins(stream);
    return new AbstractList<>() {
      @Override
      public Long get(int bin) {
        return (long) counts[start + java.util.Objects.checkIndex(bin, bins)];
      }

      @Override
      public int size() {
        return bins;
      }
    };
  }

  /**
   * The counts of a stream, where neighbouring bins were added up an even share in each of them: a
   * sum in the first alone would look like a shift.
   */
  public List<Long> spread(int stream) {
    int ordinary = layout.ordinary(stream);
    Long[] spread = new Long[layout.bins(stream)];
    int width = fold(stream);
    for (int bin = 0; bin < spread.length; bin++) {
      int first = bin < ordinary ? bin / width * width : bin;
      int bins = bin < ordinary ? Math.min(ordinary, first + width) - first : 1;
      long count = count(stream, first);
      int place = bin - first;
      spread[bin] = count * (place + 1) / bins - count * place / bins;
    }
    return List.of(spread);
  }

  /**
   * A stream's counts, each times its bin's weight, added up.
   *
   * @param weights one per bin of the stream
   */
  public double sum(int stream, float[] weights) {
    int start = layout.start(stream);
    int bins = weights.length;
    float a = 0;
    float b = 0;
    float c = 0;
    float d = 0;
    int bin = 0;
    // Four sums side by side: each addition would wait for the one before.
    for (; bin + 3 < bins; bin += 4) {
      a += counts[start + bin] * weights[bin];
      b += counts[start + bin + 1] * weights[bin + 1];
      c += counts[start + bin + 2] * weights[bin + 2];
      d += counts[start + bin + 3] * weights[bin + 3];
    }
    for (; bin < bins; bin++) {
      a += counts[start + bin] * weights[bin];
    }
    return (double) a + b + c + d;
  }

  /**
   * Three such sums at once: the same as one by one.
   *
   * @param into the sums, in the order of the weights
   */
  public void sums(int stream, float[] first, float[] second, float[] third, double[] into) {
    int start = layout.start(stream);
    int bins = first.length;
    float a0 = 0;
    float a1 = 0;
    float a2 = 0;
    float a3 = 0;
    float b0 = 0;
    float b1 = 0;
    float b2 = 0;
    float b3 = 0;
    float c0 = 0;
    float c1 = 0;
    float c2 = 0;
    float c3 = 0;
    int bin = 0;
    for (; bin + 3 < bins; bin += 4) {
      float n0 = counts[start + bin];
      float n1 = counts[start + bin + 1];
      float n2 = counts[start + bin + 2];
      float n3 = counts[start + bin + 3];
      a0 += n0 * first[bin];
      a1 += n1 * first[bin + 1];
      a2 += n2 * first[bin + 2];
      a3 += n3 * first[bin + 3];
      b0 += n0 * second[bin];
      b1 += n1 * second[bin + 1];
      b2 += n2 * second[bin + 2];
      b3 += n3 * second[bin + 3];
      c0 += n0 * third[bin];
      c1 += n1 * third[bin + 1];
      c2 += n2 * third[bin + 2];
      c3 += n3 * third[bin + 3];
    }
    for (; bin < bins; bin++) {
      float n = counts[start + bin];
      a0 += n * first[bin];
      b0 += n * second[bin];
      c0 += n * third[bin];
    }
    into[0] = (double) a0 + a1 + a2 + a3;
    into[1] = (double) b0 + b1 + b2 + b3;
    into[2] = (double) c0 + c1 + c2 + c3;
  }

  /**
   * Adds every count to a row over the same layout.
   *
   * @throws IllegalArgumentException if the row has another length
   */
  public void addTo(long[] row) {
    if (row.length != counts.length) {
      throw new IllegalArgumentException(
          "%d counts cannot be added to %d".formatted(counts.length, row.length));
    }
    for (int place = 0; place < row.length; place++) {
      row[place] += counts[place];
    }
  }

  /** Whether every stream was sent, bin by bin. */
  public boolean isWhole() {
    for (boolean one : present) {
      if (!one) {
        return false;
      }
    }
    return fold == 1;
  }

  /**
   * Adds the counts from one place of the layout's row on to another row.
   *
   * @param row as many counts, one for each place
   */
  public void addTo(long[] row, int from, int count) {
    for (int i = 0; i < count; i++) {
      row[i] += counts[from + i];
    }
  }

  /**
   * These and other counts of the same window together, for example of a device that was started
   * anew within it.
   *
   * @throws MalformedDocumentException if the layouts differ, or a sum is larger than a count can
   *     be: then one of them is not true
   */
  public WindowCounts plus(WindowCounts other) throws MalformedDocumentException {
    if (!layout.names().equals(other.layout.names()) || layout.bins() != other.layout.bins()) {
      throw new MalformedDocumentException("counts of other streams cannot be added");
    }
    int coarser = Math.max(fold, other.fold);
    boolean[] both = present.clone();
    for (int stream = 0; stream < both.length; stream++) {
      both[stream] &= other.present[stream];
    }
    long[] sums = new long[counts.length];
    fold(coarser, both, sums);
    other.fold(coarser, both, sums);
    int[] total = new int[sums.length];
    for (int place = 0; place < total.length; place++) {
      if (sums[place] > Integer.MAX_VALUE) {
        throw new MalformedDocumentException("counts of one window add up to more than 2^31 - 1");
      }
      total[place] = (int) sums[place];
    }
    return new WindowCounts(layout, total, both, coarser);
  }

  /** Counts in ordinary bins and bins of its own, but for the last one, stuck. */
  public long total(int stream) {
    int start = layout.start(stream);
    int own = layout.own(stream);
    int end = start + layout.ordinary(stream) + (own > 0 ? own - 1 : 0);
    long total = 0;
    for (int place = start; place < end; place++) {
      total += counts[place];
    }
    return total;
  }

  /**
   * These counts with neighbouring ordinary bins added up and less important features left out.
   *
   * @param kept per stream
   */
  WindowCounts degraded(int by, boolean[] kept) {
    long[] folded = new long[counts.length];
    fold(by, kept, folded);
    int[] counted = new int[folded.length];
    for (int place = 0; place < counted.length; place++) {
      counted[place] = (int) Math.min(folded[place], Integer.MAX_VALUE);
    }
    boolean[] left = present.clone();
    for (int stream = 0; stream < left.length; stream++) {
      left[stream] &= kept[stream];
    }
    return new WindowCounts(layout, counted, left, by);
  }

  /** Adds the counts of the kept streams to a row, neighbouring ordinary bins as one. */
  private void fold(int by, boolean[] kept, long[] row) {
    for (int stream = 0; stream < layout.size(); stream++) {
      if (!kept[stream] || !present[stream]) {
        continue;
      }
      int start = layout.start(stream);
      int ordinary = layout.ordinary(stream);
      int width = ordinary >= 2 * by ? by : 1;
      for (int bin = 0; bin < ordinary; bin++) {
        row[start + bin / width * width] += counts[start + bin];
      }
      for (int bin = ordinary; bin < layout.bins(stream); bin++) {
        row[start + bin] += counts[start + bin];
      }
    }
  }

  int foldBy() {
    return fold;
  }
}
