package io.skerry.telemetry.signal;

import io.skerry.protocol.MalformedDocumentException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;

/**
 * What a person says an input is. The rest is taken from its shape and from reference data where
 * these leave no doubt, and told.
 *
 * @param layout {@code NHWC} or {@code NCHW} of an image, {@code NTC} or {@code NCT} of a waveform,
 *     {@code NTF} or {@code NFT} of a spectrogram
 * @param black of an image, one value or one for each channel; empty when not said
 * @param white likewise
 * @param fullScale of a waveform
 */
public record StatedSignal(
    Kind kind,
    Optional<String> layout,
    List<Float> black,
    List<Float> white,
    OptionalDouble fullScale) {
  // Of an image or a sound nobody calls more of them channels without saying so.
  private static final int WAVEFORM_CHANNELS_FEW = 8;
  private static final float ROUNDING = 1f / 64;
  private static final float BYTE_MAX = 255;
  private static final float SHORT_MAX = 32_768;
  // Data that uses less of a range may be of another one.
  private static final float SHARE_USED = .5f;

  /** Kinds of signals. */
  public enum Kind {
    IMAGE("NHWC", "NCHW"),
    WAVEFORM("NTC", "NCT"),
    SPECTROGRAM("NTF", "NFT");

    private final String last;
    private final String first;

    Kind(String last, String first) {
      this.last = last;
      this.first = first;
    }

    /** How a person writes it. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Layouts that it may have; of the second one channels, or bands, come first. */
    public List<String> layouts() {
      return List.of(last, first);
    }
  }

  /**
   * The least and the largest of all elements of the reference items.
   *
   * @param low at most {@code high}
   */
  public record Range(float low, float high) {}

  /**
   * What an input is taken for.
   *
   * @param taken what nobody said, and where it is from, for people
   */
  public record Taken(Signal signal, List<String> taken) {
    public Taken {
      taken = List.copyOf(taken);
    }

    /** One line for people. */
    public String told() {
      return taken.isEmpty()
          ? "%s, as said".formatted(signal)
          : "%s (%s)".formatted(signal, String.join("; ", taken));
    }
  }

  public StatedSignal {
    black = List.copyOf(black);
    white = List.copyOf(white);
  }

  /**
   * Finds out the rest.
   *
   * @param shape of one item, without the batch; each dimension is known
   * @param range of the reference items, looked for only where it is needed
   * @throws MalformedDocumentException if what is said does not fit the shape, or what is not said
   *     is open to doubt; with what to do
   */
  public Taken of(List<Long> shape, Supplier<Range> range) throws MalformedDocumentException {
    if (shape.isEmpty() || shape.stream().anyMatch(size -> size < 1)) {
      throw refused(
          "an item has shape %s: fix every dimension with --input-shape, or leave signal out"
              .formatted(shape));
    }
    List<String> taken = new ArrayList<>();
    Signal signal =
        switch (kind) {
          case IMAGE -> image(shape, range, taken);
          case WAVEFORM -> waveform(shape, range, taken);
          case SPECTROGRAM -> spectrogram(shape);
        };
    // What a device would refuse is refused here.
    return new Taken(Signal.of(signal.toWire()), taken);
  }

  private Signal image(List<Long> shape, Supplier<Range> range, List<String> taken)
      throws MalformedDocumentException {
    if (shape.size() != 3 && shape.size() != 2) {
      throw refused("an item of shape %s is no image of rows and columns".formatted(shape));
    }
    boolean gray = shape.size() == 2;
    boolean first = !gray && isFirst(shape, StatedSignal::isColours, taken);
    int height = size(shape, first ? 1 : 0);
    int width = size(shape, first ? 2 : 1);
    int channels = gray ? 1 : size(shape, first ? 0 : 2);
    if (black.isEmpty() != white.isEmpty()) {
      throw refused("black and white belong together: say both or none");
    }
    if (!black.isEmpty()) {
      return new Signal.Image(height, width, channels, first, black, white);
    }
    Range values = range.get();
    float full = full(values, BYTE_MAX);
    if (!(values.low() >= -ROUNDING) || full == 0) {
      throw refused(
          "reference values from %s to %s are neither 0 to 1 nor 0 to 255: say black and white"
              .formatted(values.low(), values.high()));
    }
    taken.add(
        "black and white of reference values from %s to %s".formatted(values.low(), values.high()));
    return new Signal.Image(height, width, channels, first, List.of(0f), List.of(full));
  }

  private Signal waveform(List<Long> shape, Supplier<Range> range, List<String> taken)
      throws MalformedDocumentException {
    if (shape.size() > 2) {
      throw refused("an item of shape %s is no sound of samples and channels".formatted(shape));
    }
    boolean mono = shape.size() == 1;
    boolean first = !mono && isFirst(shape, size -> size <= WAVEFORM_CHANNELS_FEW, taken);
    int channels = mono ? 1 : size(shape, first ? 0 : 1);
    int samples = size(shape, first ? 1 : 0);
    if (fullScale.isPresent()) {
      return new Signal.Waveform(samples, channels, first, (float) fullScale.getAsDouble());
    }
    Range values = range.get();
    Range amplitudes = new Range(0, Math.max(values.high(), -values.low()));
    float full = full(amplitudes, SHORT_MAX);
    if (full == 0) {
      throw refused(
          "reference values from %s to %s are neither -1 to 1 nor -32768 to 32767: say fullScale"
              .formatted(values.low(), values.high()));
    }
    taken.add(
        "full scale of reference values from %s to %s".formatted(values.low(), values.high()));
    return new Signal.Waveform(samples, channels, first, full);
  }

  // What runs to 1, or to what integers reach, and uses at least half of it; 0 where neither does.
  private static float full(Range values, float integers) {
    for (float full : new float[] {1, integers}) {
      if (values.high() <= full * (1 + ROUNDING) && values.high() >= full * SHARE_USED) {
        return full;
      }
    }
    return 0;
  }

  private Signal spectrogram(List<Long> shape) throws MalformedDocumentException {
    List<Long> sides = new ArrayList<>(shape);
    for (int size = shape.size(); size > 2; size--) {
      sides.remove(1L);
    }
    if (sides.size() != 2) {
      throw refused("an item of shape %s is no spectrogram of frames and bands".formatted(shape));
    }
    if (layout.isEmpty()) {
      throw refused(
          "no shape tells frames from bands: say layout, NTF or NFT, of shape %s".formatted(shape));
    }
    boolean first = saysFirst();
    return new Signal.Spectrogram(size(sides, first ? 1 : 0), size(sides, first ? 0 : 1), first);
  }

  private boolean isFirst(
      List<Long> shape, java.util.function.LongPredicate isChannels, List<String> taken)
      throws MalformedDocumentException {
    if (layout.isPresent()) {
      return saysFirst();
    }
    boolean first = isChannels.test(shape.getFirst());
    if (first == isChannels.test(shape.getLast())) {
      throw refused(
          "shape %s does not tell which are channels: say layout, %s"
              .formatted(shape, String.join(" or ", kind.layouts())));
    }
    taken.add("layout %s of shape %s".formatted(kind.layouts().get(first ? 1 : 0), shape));
    return first;
  }

  private boolean saysFirst() {
    return layout.filter(kind.layouts().get(1)::equals).isPresent();
  }

  private static boolean isColours(long size) {
    return size == 1 || size == 3;
  }

  private static int size(List<Long> shape, int at) {
    return Math.clamp(shape.get(at), 0, Integer.MAX_VALUE);
  }

  private static MalformedDocumentException refused(String fault) {
    return new MalformedDocumentException("signal: " + fault);
  }
}
