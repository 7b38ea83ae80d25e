package io.skerry.telemetry.signal;

import io.skerry.protocol.MalformedDocumentException;
import java.util.ArrayList;
import java.util.List;

/** What all elements of one item together are, and which scalars are watched of it. Immutable. */
public sealed interface Signal {
  /** Elements that an item has at most. */
  int ELEMENTS_MAX = 1 << 28;

  /** Channels of an image or of a sound at most. */
  int CHANNELS_MAX = 64;

  /**
   * An image, {@code [height, width, channels]} or {@code [channels, height, width]}.
   *
   * @param black values that stand for no light: one for all channels, or one for each
   * @param white values that stand for full light, likewise; none equals that of black
   */
  record Image(
      int height,
      int width,
      int channels,
      boolean channelsFirst,
      List<Float> black,
      List<Float> white)
      implements Signal {
    public Image {
      black = List.copyOf(black);
      white = List.copyOf(white);
    }

    @Override
    public int elements() {
      return height * width * channels;
    }

    @Override
    public List<Scalar> scalars() {
      List<Scalar> scalars =
          new ArrayList<>(
              List.of(Scalar.IMAGE_BRIGHTNESS, Scalar.IMAGE_CONTRAST, Scalar.IMAGE_SHARPNESS));
      if (channels == 3) {
        scalars.add(Scalar.IMAGE_SATURATION);
      }
      scalars.add(Scalar.IMAGE_CLIPPED);
      return List.copyOf(scalars);
    }

    @Override
    public Meter meter() {
      return new ImageMeter(this);
    }

    @Override
    public io.skerry.wire.artifact.v1.Signal toWire() {
      return io.skerry.wire.artifact.v1.Signal.newBuilder()
          .setImage(
              io.skerry.wire.artifact.v1.Image.newBuilder()
                  .setHeight(height)
                  .setWidth(width)
                  .setChannels(channels)
                  .setChannelsFirst(channelsFirst)
                  .addAllBlack(black)
                  .addAllWhite(white))
          .build();
    }

    @Override
    public String toString() {
      return "image of %d rows, %d columns and %d channels, channels %s, black %s, white %s"
          .formatted(
              height, width, channels, channelsFirst ? "first" : "last", told(black), told(white));
    }

    private static String told(List<Float> values) {
      return values.size() == 1 ? values.getFirst().toString() : values.toString();
    }
  }

  /**
   * A sound, {@code [samples, channels]} or {@code [channels, samples]}.
   *
   * @param fullScale the largest amplitude, above 0
   */
  record Waveform(int samples, int channels, boolean channelsFirst, float fullScale)
      implements Signal {
    @Override
    public int elements() {
      return samples * channels;
    }

    @Override
    public List<Scalar> scalars() {
      return List.of(
          Scalar.WAVEFORM_RMS,
          Scalar.WAVEFORM_OFFSET,
          Scalar.WAVEFORM_ZERO_CROSSINGS,
          Scalar.WAVEFORM_CLIPPED);
    }

    @Override
    public Meter meter() {
      return new WaveformMeter(this);
    }

    @Override
    public io.skerry.wire.artifact.v1.Signal toWire() {
      return io.skerry.wire.artifact.v1.Signal.newBuilder()
          .setWaveform(
              io.skerry.wire.artifact.v1.Waveform.newBuilder()
                  .setSamples(samples)
                  .setChannels(channels)
                  .setChannelsFirst(channelsFirst)
                  .setFullScale(fullScale))
          .build();
    }

    @Override
    public String toString() {
      return "waveform of %d samples and %d channels, channels %s, full scale %s"
          .formatted(samples, channels, channelsFirst ? "first" : "last", fullScale);
    }
  }

  /** What a sound is made of, {@code [frames, bands]} or {@code [bands, frames]}. */
  record Spectrogram(int frames, int bands, boolean bandsFirst) implements Signal {
    @Override
    public int elements() {
      return frames * bands;
    }

    @Override
    public List<Scalar> scalars() {
      return List.of(
          Scalar.SPECTROGRAM_LEVEL,
          Scalar.SPECTROGRAM_CONTRAST,
          Scalar.SPECTROGRAM_TILT,
          Scalar.SPECTROGRAM_FLUX);
    }

    @Override
    public Meter meter() {
      return new SpectrogramMeter(this);
    }

    @Override
    public io.skerry.wire.artifact.v1.Signal toWire() {
      return io.skerry.wire.artifact.v1.Signal.newBuilder()
          .setSpectrogram(
              io.skerry.wire.artifact.v1.Spectrogram.newBuilder()
                  .setFrames(frames)
                  .setBands(bands)
                  .setBandsFirst(bandsFirst))
          .build();
    }

    @Override
    public String toString() {
      return "spectrogram of %d frames and %d bands, bands %s"
          .formatted(frames, bands, bandsFirst ? "first" : "last");
    }
  }

  /** Elements of one item. */
  int elements();

  /** What is watched of it, in the order in which a {@link Meter} tells it. */
  List<Scalar> scalars();

  /** What measures items of it; one a thread. */
  Meter meter();

  /** It, as a manifest says it. */
  io.skerry.wire.artifact.v1.Signal toWire();

  /**
   * Reads it from a manifest.
   *
   * @throws MalformedDocumentException if it is of no known kind, or its numbers make no sense
   */
  static Signal of(io.skerry.wire.artifact.v1.Signal wire) throws MalformedDocumentException {
    return switch (wire.getKindCase()) {
      case IMAGE -> image(wire.getImage());
      case WAVEFORM -> {
        checkSizes(
            wire.getWaveform().getChannels(), 1, wire.getWaveform().getSamples(), CHANNELS_MAX);
        float fullScale = wire.getWaveform().getFullScale();
        if (!(fullScale > 0 && fullScale < Float.POSITIVE_INFINITY)) {
          throw malformed("has full scale " + fullScale);
        }
        yield new Waveform(
            wire.getWaveform().getSamples(),
            wire.getWaveform().getChannels(),
            wire.getWaveform().getChannelsFirst(),
            fullScale);
      }
      case SPECTROGRAM -> {
        checkSizes(
            wire.getSpectrogram().getFrames(), wire.getSpectrogram().getBands(), 1, ELEMENTS_MAX);
        yield new Spectrogram(
            wire.getSpectrogram().getFrames(),
            wire.getSpectrogram().getBands(),
            wire.getSpectrogram().getBandsFirst());
      }
      case KIND_NOT_SET -> throw malformed("is of no known kind");
    };
  }

  private static Image image(io.skerry.wire.artifact.v1.Image wire)
      throws MalformedDocumentException {
    checkSizes(wire.getChannels(), wire.getHeight(), wire.getWidth(), CHANNELS_MAX);
    List<Float> black = wire.getBlackList();
    List<Float> white = wire.getWhiteList();
    if ((black.size() != 1 && black.size() != wire.getChannels())
        || (white.size() != 1 && white.size() != wire.getChannels())) {
      throw malformed(
          "has %d values of black and %d of white for %d channels"
              .formatted(black.size(), white.size(), wire.getChannels()));
    }
    for (int c = 0; c < wire.getChannels(); c++) {
      float from = black.get(Math.min(c, black.size() - 1));
      float to = white.get(Math.min(c, white.size() - 1));
      float perUnit = 1 / (to - from);
      if (!Float.isFinite(perUnit) || perUnit == 0) {
        throw malformed("has black at %s and white at %s".formatted(from, to));
      }
    }
    return new Image(
        wire.getHeight(),
        wire.getWidth(),
        wire.getChannels(),
        wire.getChannelsFirst(),
        black,
        white);
  }

  private static void checkSizes(int first, int second, int third, int firstMax)
      throws MalformedDocumentException {
    // Each of the products fits a long, whatever the wire says.
    boolean positive = first > 0 && second > 0 && third > 0;
    if (!positive
        || first > firstMax
        || (long) second * third > ELEMENTS_MAX
        || (long) first * second * third > ELEMENTS_MAX) {
      throw malformed("has sizes %d, %d and %d".formatted(first, second, third));
    }
  }

  private static MalformedDocumentException malformed(String fault) {
    return new MalformedDocumentException("monitoring manifest: the input's signal " + fault);
  }
}
