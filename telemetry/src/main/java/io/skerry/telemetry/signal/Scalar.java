package io.skerry.telemetry.signal;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A number that is worked out of all elements of one item, and is a feature like any other then.
 *
 * <p>Of an image {@code v = (x - black) / (white - black)} of each element {@code x}, and {@code
 * i}, the mean of {@code v} over the channels of a pixel. No scalar needs to know which channel is
 * red.
 *
 * <pre>{@code
 * image.brightness       mean of i                                          share of full light, 0 to 1
 * image.contrast         standard deviation of i                            share of full light, 0 to 1/2
 * image.sharpness        sqrt(mean of L^2 / variance of i)                  >= 0; 0 without contrast
 *                        L = up + down + left + right - 4 i of each pixel that has all four
 * image.saturation       sum of (max - min of v) / sum of (max of v)        0 to 1; with three channels only; v below 0 as 0
 * image.clipped          share of v at or beyond black or white             0 to 1; to 1/512 of full light
 * }</pre>
 *
 * <p>Less light moves brightness and contrast and neither sharpness nor saturation; a blur moves
 * sharpness most. Of a waveform {@code a = x / full scale}, channels together:
 *
 * <pre>{@code
 * audio.rms              sqrt(mean of a^2)                                  share of full scale, 0 to 1
 * audio.offset           mean of a                                          share of full scale, -1 to 1
 * audio.zero-crossings   share of neighbours in time with different signs   0 to 1; x rate / 2 = hertz
 * audio.clipped          share of |a| at or above full scale                0 to 1; to 1/512 of it
 * }</pre>
 *
 * <p>Of a spectrogram {@code x} as they come, in the input's own unit, power or logarithm:
 *
 * <pre>{@code
 * spectrogram.level      mean of x
 * spectrogram.contrast   standard deviation of x
 * spectrogram.tilt       how far a straight line through the bands' means (least squares) rises from the
 *                        lowest band to the highest
 * spectrogram.flux       sqrt(mean of (x - x one frame before)^2 / variance of x); 0 without contrast
 * }</pre>
 *
 * <p>An item with an element that is NaN has NaN for every scalar; one with an infinite element,
 * and none that is NaN, positive infinity. Variances are of the whole item (divided by n).
 *
 * @see <a href="https://doi.org/10.1364/JOSAA.7.002032">Peli 1990, contrast in complex images</a>
 * @see <a href="https://doi.org/10.1016/j.patcog.2012.11.011">Pertuz, Puig, Garcia 2013, focus
 *     measures</a>
 */
public enum Scalar {
  IMAGE_BRIGHTNESS("image.brightness", 0 - Scalar.ROUNDING, 1 + Scalar.ROUNDING),
  IMAGE_CONTRAST("image.contrast", 0, .5f + Scalar.ROUNDING),
  IMAGE_SHARPNESS("image.sharpness", 0, Float.MAX_VALUE),
  IMAGE_SATURATION("image.saturation", 0, 1 + Scalar.ROUNDING),
  IMAGE_CLIPPED("image.clipped", 0, 1),
  WAVEFORM_RMS("audio.rms", 0, 1 + Scalar.ROUNDING),
  WAVEFORM_OFFSET("audio.offset", -1 - Scalar.ROUNDING, 1 + Scalar.ROUNDING),
  WAVEFORM_ZERO_CROSSINGS("audio.zero-crossings", 0, 1),
  WAVEFORM_CLIPPED("audio.clipped", 0, 1),
  SPECTROGRAM_LEVEL("spectrogram.level"),
  SPECTROGRAM_CONTRAST("spectrogram.contrast"),
  SPECTROGRAM_TILT("spectrogram.tilt"),
  SPECTROGRAM_FLUX("spectrogram.flux");

  // Integers of a quantized input do not end where black and white lie, but near them.
  private static final float ROUNDING = 1f / 64;

  private final String feature;
  private final boolean bounded;
  private final float minimum;
  private final float maximum;

  Scalar(String feature, float minimum, float maximum) {
    this.feature = feature;
    this.bounded = true;
    this.minimum = minimum;
    this.maximum = maximum;
  }

  Scalar(String feature) {
    this.feature = feature;
    this.bounded = false;
    this.minimum = -Float.MAX_VALUE;
    this.maximum = Float.MAX_VALUE;
  }

  /** The name that it has as a feature, everywhere. */
  public String feature() {
    return feature;
  }

  /**
   * Whether elements in their range cannot give a value outside {@link #minimum()} to {@link
   * #maximum()}: of others what is plausible is told by reference data only.
   */
  public boolean isBounded() {
    return bounded;
  }

  /** The lowest value that elements within their range give. */
  public float minimum() {
    return minimum;
  }

  /** The highest value that elements within their range give. */
  public float maximum() {
    return maximum;
  }

  /** Reads the name of the wire's enum; empty when it is none of these. */
  static Optional<Scalar> of(io.skerry.wire.artifact.v1.Scalar wire) {
    return Arrays.stream(values()).filter(scalar -> scalar.name().equals(wire.name())).findFirst();
  }

  /** The wire's name of it. */
  public io.skerry.wire.artifact.v1.Scalar toWire() {
    return io.skerry.wire.artifact.v1.Scalar.valueOf(name());
  }

  /** Features of all scalars, in their order. */
  public static List<String> features(List<Scalar> scalars) {
    return scalars.stream().map(Scalar::feature).toList();
  }
}
