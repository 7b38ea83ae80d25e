package io.skerry.telemetry.signal;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Measures images, row by row. */
final class ImageMeter extends Meter {
  private static final float CLIPPED_AT = 1f / 512;
  private static final int COLOURS = 3;

  private final Signal.Image image;
  private final float[] black;
  private final float[] perUnit;
  // Mean of the channels of three rows, the newest last.
  private float[] above;
  private float[] middle;
  private float[] newest;
  // Of one channel, then the highest and lowest of all.
  private final float[] values;
  private final float[] highest;
  private final float[] lowest;
  private double sum;
  private double squares;
  private double edges;
  private double chroma;
  private double peaks;
  private long clipped;

  ImageMeter(Signal.Image image) {
    super(image.elements(), image.width() * (image.channelsFirst() ? 1 : image.channels()));
    this.image = image;
    int channels = image.channels();
    black = new float[channels];
    perUnit = new float[channels];
    for (int c = 0; c < channels; c++) {
      black[c] = image.black().get(Math.min(c, image.black().size() - 1));
      perUnit[c] = 1 / (image.white().get(Math.min(c, image.white().size() - 1)) - black[c]);
    }
    above = new float[image.width()];
    middle = new float[image.width()];
    newest = new float[image.width()];
    values = new float[image.width()];
    highest = new float[image.width()];
    lowest = new float[image.width()];
  }

  @Override
  int scalars() {
    return image.scalars().size();
  }

  @Override
  boolean sum(ByteBuffer data, int first, Elements as, float[] into) {
    sum = 0;
    squares = 0;
    edges = 0;
    chroma = 0;
    peaks = 0;
    clipped = 0;
    int width = image.width();
    for (int y = 0; y < image.height(); y++) {
      readRow(data, first, y, as);
      addLight(width);
      if (y >= 2) {
        addEdges(width);
      }
      float[] oldest = above;
      above = middle;
      middle = newest;
      newest = oldest;
    }
    long pixels = (long) width * image.height();
    long inner = Math.max(0L, width - 2) * Math.max(0, image.height() - 2);
    double variance = variance(sum, squares, pixels);
    into[0] = (float) (sum / pixels);
    into[1] = (float) Math.sqrt(variance);
    into[2] = roughness(edges, inner, variance, 1);
    int next = 3;
    if (image.channels() == COLOURS) {
      into[next++] = peaks > 0 ? (float) (chroma / peaks) : 0;
    }
    into[next] = (float) clipped / image.elements();
    return Double.isFinite(sum) && Double.isFinite(squares);
  }

  // Both layouts go through the same sums in the same order: they give the same bits.
  private void readRow(ByteBuffer data, int first, int row, Elements as) {
    int channels = image.channels();
    int width = image.width();
    Arrays.fill(newest, 0);
    if (!image.channelsFirst()) {
      float[] pixels = read(data, first + row * width * channels, width * channels, as);
      for (int c = 0; c < channels; c++) {
        for (int x = 0, at = c; x < width; x++, at += channels) {
          values[x] = (pixels[at] - black[c]) * perUnit[c];
        }
        addChannel(c, width);
      }
    } else {
      for (int c = 0; c < channels; c++) {
        float[] plane = read(data, first + (c * image.height() + row) * width, width, as);
        for (int x = 0; x < width; x++) {
          values[x] = (plane[x] - black[c]) * perUnit[c];
        }
        addChannel(c, width);
      }
    }
    for (int x = 0; x < width; x++) {
      newest[x] /= channels;
    }
  }

  // Loops of one thing each: the processor works on several places at a time.
  private void addChannel(int channel, int width) {
    for (int x = 0; x < width; x++) {
      newest[x] += values[x];
    }
    int inside = 0;
    for (int x = 0; x < width; x++) {
      inside += below(CLIPPED_AT, values[x]) & below(values[x], 1 - CLIPPED_AT);
    }
    clipped += width - inside;
    if (channel == 0) {
      System.arraycopy(values, 0, highest, 0, width);
      System.arraycopy(values, 0, lowest, 0, width);
    } else if (image.channels() == COLOURS) {
      for (int x = 0; x < width; x++) {
        highest[x] = Math.max(highest[x], values[x]);
      }
      for (int x = 0; x < width; x++) {
        lowest[x] = Math.min(lowest[x], values[x]);
      }
    }
  }

  // 1 when the first is less; without a jump that the processor could guess wrongly.
  private static int below(float low, float high) {
    return Float.floatToRawIntBits(low - high) >>> 31;
  }

  private void addLight(int width) {
    double rowSum = 0;
    double rowSquares = 0;
    double rowChroma = 0;
    double rowPeaks = 0;
    for (int x = 0; x < width; x++) {
      double light = newest[x];
      rowSum += light;
      rowSquares += light * light;
      // Black that is rounded lies a little below 0: no part of a peak is less than none of it.
      float peak = Math.max(0, highest[x]);
      rowChroma += peak - Math.max(0, lowest[x]);
      rowPeaks += peak;
    }
    sum += rowSum;
    squares += rowSquares;
    chroma += rowChroma;
    peaks += rowPeaks;
  }

  private void addEdges(int width) {
    double row = 0;
    for (int x = 1; x < width - 1; x++) {
      double edge = above[x] + newest[x] + middle[x - 1] + middle[x + 1] - 4 * middle[x];
      row += edge * edge;
    }
    edges += row;
  }
}
