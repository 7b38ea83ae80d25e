package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.util.Arrays;

/**
 * Packs a window's counts to few bits, and unpacks and checks them.
 *
 * <pre>
 * format    4 bits   1; 2 where the layout has streams that came later: 1 is then without them
 * fold      2 bits   0, 1, 2 = 1, 2, 4 neighbouring ordinary bins added up
 * all       1 bit    every stream is there; else one bit a stream
 * then for each stream that is there:
 *   total   gamma    of the ordinary bins
 *   when it is above 0:
 *     guess 1 bit    0 = what is left over the bins that are left, 1 = the bin before
 *     k     4 bits
 *     for each bin but the last: count less the guess, zigzag, as a Rice code of parameter k;
 *       24 ones say that the number follows in 32 bits
 *   own     1 bit    any bin of its own is above 0; then gamma for each of them
 * last byte filled up with zeros
 * </pre>
 *
 * <p>All arithmetic is on whole numbers, so that every machine packs and unpacks the same.
 */
public final class WindowCodec {
  /** Predictions that a window can count: no device makes more, and sums of many windows fit. */
  public static final long PREDICTIONS_MAX = 1L << 40;

  private static final int FORMAT = 1;
  private static final int FORMAT_LATER = 2;
  private static final int QUOTIENT_MAX = 24;
  private static final int K_MAX = 15;
  private static final int GUESSES = 2;
  // 2^64 / divisor, from 2 on: the last bin is not guessed.
  private static final long[] RECIPROCALS = reciprocals();

  private WindowCodec() {}

  /** The packed form. */
  public static byte[] pack(WindowCounts counts) {
    StreamLayout layout = counts.layout();
    BitWriter out = new BitWriter();
    long[][] zigzags = new long[GUESSES][mostOrdinary(layout)];
    out.bits(layout.firstFormat() == layout.size() ? FORMAT : FORMAT_LATER, 4);
    out.bits(Integer.numberOfTrailingZeros(counts.foldBy()), 2);
    boolean all = true;
    for (int stream = 0; stream < layout.size(); stream++) {
      all &= counts.has(stream);
    }
    out.bits(all ? 1 : 0, 1);
    for (int stream = 0; !all && stream < layout.size(); stream++) {
      out.bits(counts.has(stream) ? 1 : 0, 1);
    }
    for (int stream = 0; stream < layout.size(); stream++) {
      if (counts.has(stream)) {
        packStream(counts, stream, zigzags, out);
      }
    }
    return out.toBytes();
  }

  private static int mostOrdinary(StreamLayout layout) {
    int most = 0;
    for (int stream = 0; stream < layout.size(); stream++) {
      most = Math.max(most, layout.ordinary(stream));
    }
    return most;
  }

  private static void packStream(WindowCounts counts, int stream, long[][] zigzags, BitWriter out) {
    StreamLayout layout = counts.layout();
    int start = layout.start(stream);
    int step = counts.fold(stream);
    int bins = (layout.ordinary(stream) + step - 1) / step;
    long total = 0;
    for (int bin = 0; bin < bins; bin++) {
      total += counts.at(start + bin * step);
    }
    out.gamma(total);
    if (total > 0) {
      long best = Long.MAX_VALUE;
      int bestGuess = 0;
      int bestK = 0;
      for (int guess = 0; guess < GUESSES; guess++) {
        long[] zigzag = zigzags[guess];
        int k = parameter(surprises(counts, start, step, bins, total, guess, zigzag), bins);
        long size = size(zigzag, bins, k);
        if (size < best) {
          best = size;
          bestGuess = guess;
          bestK = k;
        }
      }
      out.bits(bestGuess, 1);
      out.bits(bestK, 4);
      out.rice(zigzags[bestGuess], bins - 1, QUOTIENT_MAX, bestK);
    }
    int own = layout.own(stream);
    if (own > 0) {
      int from = start + layout.ordinary(stream);
      boolean any = false;
      for (int bin = 0; bin < own; bin++) {
        any |= counts.at(from + bin) > 0;
      }
      out.bits(any ? 1 : 0, 1);
      for (int bin = 0; any && bin < own; bin++) {
        out.gamma(counts.at(from + bin));
      }
    }
  }

  private static long guess(int kind, long left, int binsLeft, long before) {
    return kind == 0 ? divide(left + binsLeft / 2, binsLeft) : before;
  }

  // By the reciprocal, rounded up: exact below 2^32 (Granlund and Montgomery 1994), and several
  // times faster than a division for each of a window's thousands of bins.
  static long divide(long dividend, int divisor) {
    return divisor < RECIPROCALS.length && dividend >>> Integer.SIZE == 0
        ? Math.unsignedMultiplyHigh(dividend, RECIPROCALS[divisor])
        : dividend / divisor;
  }

  private static long[] reciprocals() {
    long[] reciprocals = new long[257];
    for (int divisor = 2; divisor < reciprocals.length; divisor++) {
      reciprocals[divisor] = Long.divideUnsigned(-1, divisor) + 1;
    }
    return reciprocals;
  }

  private static long zigzag(long value) {
    return value << 1 ^ value >> 63;
  }

  // By how much each bin but the last differs from the guess, zigzag; returns their sum.
  private static long surprises(
      WindowCounts counts, int start, int step, int bins, long total, int guess, long[] zigzags) {
    long sum = 0;
    long left = total;
    long before = total / bins;
    for (int bin = 0; bin < bins - 1; bin++) {
      long count = counts.at(start + bin * step);
      zigzags[bin] = zigzag(count - guess(guess, left, bins - bin, before));
      sum += zigzags[bin];
      left -= count;
      before = count;
    }
    return sum;
  }

  // The mean of the numbers is about 2^k where the code is shortest.
  private static int parameter(long sum, int bins) {
    // ln 2 times the mean, in whole numbers.
    long scaled = sum * 69 / 100 / Math.max(1, bins - 1);
    return scaled <= 1 ? 0 : Math.min(K_MAX, 63 - Long.numberOfLeadingZeros(scaled));
  }

  private static long size(long[] zigzags, int bins, int k) {
    long bits = 0;
    for (int bin = 0; bin < bins - 1; bin++) {
      long quotient = zigzags[bin] >>> k;
      bits += quotient < QUOTIENT_MAX ? quotient + 1 + k : QUOTIENT_MAX + 32;
    }
    return bits;
  }

  /**
   * Unpacks.
   *
   * @throws MalformedDocumentException if the bytes are no packed counts of this layout
   */
  public static WindowCounts unpack(StreamLayout layout, byte[] packed)
      throws MalformedDocumentException {
    BitReader in = new BitReader(packed);
    long format = in.bits(4);
    long fold = in.bits(2);
    if ((format != FORMAT && format != FORMAT_LATER) || fold > 2) {
      throw new MalformedDocumentException(
          "packed counts have format %d, fold %d: known are formats %d and %d"
              .formatted(format, fold, FORMAT, FORMAT_LATER));
    }
    int streams = format == FORMAT ? layout.firstFormat() : layout.size();
    boolean[] present = new boolean[layout.size()];
    Arrays.fill(present, 0, streams, true);
    if (in.bit() == 0) {
      for (int stream = 0; stream < streams; stream++) {
        present[stream] = in.bit() == 1;
      }
    }
    int[] counts = new int[layout.bins()];
    WindowCounts unpacked = WindowCounts.owning(layout, counts, present, 1 << fold);
    long[] zigzags = new long[mostOrdinary(layout)];
    for (int stream = 0; stream < present.length; stream++) {
      if (present[stream]) {
        unpackStream(layout, stream, unpacked.fold(stream), zigzags, counts, in);
      }
    }
    if (!in.isAtEnd()) {
      throw new MalformedDocumentException("packed counts go on after the last stream");
    }
    return unpacked;
  }

  private static void unpackStream(
      StreamLayout layout, int stream, int step, long[] zigzags, int[] counts, BitReader in)
      throws MalformedDocumentException {
    int start = layout.start(stream);
    int bins = (layout.ordinary(stream) + step - 1) / step;
    long total = checked(in.gamma());
    if (total > 0) {
      int guess = in.bit();
      int k = (int) in.bits(4);
      long left = total;
      long before = total / bins;
      in.rice(zigzags, bins - 1, QUOTIENT_MAX, k);
      int place = start;
      for (int bin = 0; bin < bins - 1; bin++) {
        long zigzag = zigzags[bin];
        long guessed = guess == 0 ? divide(left + (bins - bin) / 2, bins - bin) : before;
        before = guessed + (zigzag >>> 1 ^ -(zigzag & 1));
        if (before < 0 || before > left) {
          throw new MalformedDocumentException(
              "counts of stream '%s' do not add up".formatted(layout.names().get(stream)));
        }
        counts[place] = (int) before;
        left -= before;
        place += step;
      }
      counts[place] = (int) left;
    }
    int own = layout.own(stream);
    if (own > 0 && in.bit() == 1) {
      for (int bin = 0; bin < own; bin++) {
        counts[start + layout.ordinary(stream) + bin] = (int) checked(in.gamma());
      }
    }
  }

  private static long checked(long count) throws MalformedDocumentException {
    if (count > Integer.MAX_VALUE) {
      throw new MalformedDocumentException("a count is larger than 2^31 - 1");
    }
    return count;
  }

  /**
   * Checks what a window says of its predictions: each number from 0 to {@link #PREDICTIONS_MAX},
   * and no more failed and skipped than there are.
   *
   * @return predictions that were answered and counted
   * @throws MalformedDocumentException if they cannot be
   */
  public static long counted(Window window) throws MalformedDocumentException {
    long predictions = window.getPredictions();
    long failed = window.getPredictionsFailed();
    long skipped = window.getSkipped();
    if (predictions < 0
        || predictions > PREDICTIONS_MAX
        || failed < 0
        || failed > predictions
        || skipped < 0
        || skipped > predictions - failed) {
      throw new MalformedDocumentException(
          "window %d counts %s predictions, %s failed and %s skipped: that does not add up, or is more than %d"
              .formatted(
                  window.getWindow(),
                  Long.toUnsignedString(predictions),
                  Long.toUnsignedString(failed),
                  Long.toUnsignedString(skipped),
                  PREDICTIONS_MAX));
    }
    return predictions - failed - skipped;
  }

  /**
   * The counts of a window, checked against what the window says of itself.
   *
   * @throws MalformedDocumentException if they cannot be unpacked, or contradict the number of
   *     predictions
   */
  public static WindowCounts read(StreamLayout layout, Window window)
      throws MalformedDocumentException {
    WindowCounts counts =
        window.getPacked().isEmpty()
            ? plain(layout, window)
            : unpack(layout, window.getPacked().toByteArray());
    long counted = counted(window);
    for (int stream = 0; stream < layout.size(); stream++) {
      boolean feature = stream < layout.features();
      long total = counts.total(stream);
      if (counts.has(stream) && (feature ? total != counted : total > window.getPredictions())) {
        throw new MalformedDocumentException(
            "window %d: stream '%s' counts %d values of %d predictions"
                .formatted(window.getWindow(), layout.names().get(stream), total, counted));
      }
    }
    return counts;
  }

  private static WindowCounts plain(StreamLayout layout, Window window)
      throws MalformedDocumentException {
    int[] counts = new int[layout.bins()];
    boolean[] present = new boolean[layout.size()];
    for (StreamCounts sent : window.getStreamsList()) {
      int stream = layout.indexOf(sent.getStream());
      if (stream < 0) {
        continue;
      }
      if (sent.getCountsCount() != layout.bins(stream) || present[stream]) {
        throw new MalformedDocumentException(
            "stream '%s' comes twice or has %d bins, not %d"
                .formatted(sent.getStream(), sent.getCountsCount(), layout.bins(stream)));
      }
      present[stream] = true;
      for (int bin = 0; bin < sent.getCountsCount(); bin++) {
        long count = sent.getCounts(bin);
        if (count < 0) {
          throw new MalformedDocumentException(
              "stream '%s' has a count above 2^63".formatted(sent.getStream()));
        }
        counts[layout.start(stream) + bin] = (int) checked(count);
      }
    }
    return WindowCounts.owning(layout, counts, present, 1);
  }
}
