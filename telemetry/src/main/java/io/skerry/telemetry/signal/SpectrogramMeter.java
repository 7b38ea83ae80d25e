package io.skerry.telemetry.signal;

import java.nio.ByteBuffer;

/** Measures spectrograms, row by row; a row is a frame or a band. */
final class SpectrogramMeter extends Meter {
  private final Signal.Spectrogram spectrogram;
  private final int rows;
  private final int columns;
  private final float[] before;
  // Of each band, from -1/2 of the lowest to 1/2 of the highest.
  private final double[] places;
  private final double tiltSquares;

  SpectrogramMeter(Signal.Spectrogram spectrogram) {
    super(
        spectrogram.elements(),
        spectrogram.bandsFirst() ? spectrogram.frames() : spectrogram.bands());
    this.spectrogram = spectrogram;
    this.rows = spectrogram.bandsFirst() ? spectrogram.bands() : spectrogram.frames();
    this.columns = spectrogram.bandsFirst() ? spectrogram.frames() : spectrogram.bands();
    this.before = new float[columns];
    this.places = new double[spectrogram.bands()];
    double squaresOfPlaces = 0;
    for (int band = 0; band < places.length && places.length > 1; band++) {
      places[band] = (double) band / (places.length - 1) - .5;
      squaresOfPlaces += places[band] * places[band];
    }
    this.tiltSquares = squaresOfPlaces * spectrogram.frames();
  }

  @Override
  int scalars() {
    return spectrogram.scalars().size();
  }

  @Override
  boolean sum(ByteBuffer data, int first, Elements as, float[] into) {
    double sum = 0;
    double squares = 0;
    double tilt = 0;
    double changes = 0;
    boolean bandsFirst = spectrogram.bandsFirst();
    for (int row = 0; row < rows; row++) {
      float[] read = read(data, first + row * columns, columns, as);
      double rowSum = 0;
      double rowTilt = 0;
      for (int column = 0; column < columns; column++) {
        double x = read[column];
        rowSum += x;
        squares += x * x;
        rowTilt += bandsFirst ? 0 : places[column] * x;
        double change =
            bandsFirst ? x - read[Math.max(0, column - 1)] : row == 0 ? 0 : x - before[column];
        changes += change * change;
      }
      sum += rowSum;
      tilt += bandsFirst ? places[row] * rowSum : rowTilt;
      System.arraycopy(read, 0, before, 0, columns);
    }
    long elements = spectrogram.elements();
    long pairs = (long) spectrogram.bands() * (spectrogram.frames() - 1);
    double variance = variance(sum, squares, elements);
    into[0] = (float) (sum / elements);
    into[1] = (float) Math.sqrt(variance);
    into[2] = tiltSquares == 0 ? 0 : (float) (tilt / tiltSquares);
    into[3] = roughness(changes, pairs, variance, squares / elements);
    return Double.isFinite(sum) && Double.isFinite(squares);
  }
}
