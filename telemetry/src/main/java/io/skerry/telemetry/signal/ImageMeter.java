package io.skerry.telemetry.signal;

import java.nio.ByteBuffer;

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
      if (image.channelsFirst()) {
        readPlanes(data, first + y * width, as);
      } else {
        readPixels(data, first + y * width * image.channels(), as);
      }
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

  private void readPixels(ByteBuffer data, int first, Elements as) {
    int channels = image.channels();
    int width = image.width();
    float[] read = read(data, first, width * channels, as);
    int at = 0;
    int ends = 0;
    for (int x = 0; x < width; x++) {
      float light = 0;
      float high = Float.NEGATIVE_INFINITY;
      float low = Float.POSITIVE_INFINITY;
      for (int c = 0; c < channels; c++) {
        float v = (read[at++] - black[c]) * perUnit[c];
        light += v;
        high = Math.max(high, v);
        low = Math.min(low, v);
        ends += v <= CLIPPED_AT || v >= 1 - CLIPPED_AT ? 1 : 0;
      }
      newest[x] = light / channels;
      highest[x] = high;
      lowest[x] = low;
    }
    clipped += ends;
  }

  // The same sums in the same order, so that both layouts of one image give the same bits.
  private void readPlanes(ByteBuffer data, int first, Elements as) {
    int channels = image.channels();
    int width = image.width();
    java.util.Arrays.fill(newest, 0);
    java.util.Arrays.fill(highest, Float.NEGATIVE_INFINITY);
    java.util.Arrays.fill(lowest, Float.POSITIVE_INFINITY);
    int ends = 0;
    for (int c = 0; c < channels; c++) {
      float[] read = read(data, first + c * image.height() * width, width, as);
      for (int x = 0; x < width; x++) {
        float v = (read[x] - black[c]) * perUnit[c];
        newest[x] += v;
        highest[x] = Math.max(highest[x], v);
        lowest[x] = Math.min(lowest[x], v);
        ends += v <= CLIPPED_AT || v >= 1 - CLIPPED_AT ? 1 : 0;
      }
    }
    clipped += ends;
    for (int x = 0; x < width; x++) {
      newest[x] /= channels;
    }
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
      rowChroma += highest[x] - lowest[x];
      rowPeaks += highest[x];
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
