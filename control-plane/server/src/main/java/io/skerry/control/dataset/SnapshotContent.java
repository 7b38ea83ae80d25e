package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What a model is trained and judged on: series of batches and windows collected from devices, each
 * device in one split.
 *
 * <p>The digest is SHA-256 over these bytes; integers and floats are little-endian, a text is its
 * length as int32 and its UTF-8:
 *
 * <pre>
 * text "skerry-snapshot-v1"   int32 window   int32 repeat   int32 features   text per feature
 * int32 series      per series, by device:  text device  int8 split  int32 rows
 *                   per row: int32 cycle  int8 label  float32 per feature
 * int32 windows     per window, by device and prediction:  text device  text prediction
 *                   int8 split  int8 slice  int8 label  float32 [features, window]
 * </pre>
 */
final class SnapshotContent {
  static final int FLOATS_MAX = 100_000_000;

  private final List<String> features;
  private final int window;
  private final int repeat;
  private final List<DeviceSeries> series;
  private final List<CollectedWindow> collected;
  private final Map<DeviceId, Split> splits;

  /**
   * Puts the parts in their canonical order.
   *
   * @param repeat how often a collected window of the train split is learned from, from 1: a few
   *     hundred new windows would drown among tens of thousands of old ones
   * @throws IllegalArgumentException if a device has no split or a window another shape
   */
  SnapshotContent(
      List<String> features,
      int window,
      int repeat,
      List<DeviceSeries> series,
      List<CollectedWindow> collected,
      Map<DeviceId, Split> splits) {
    this.features = List.copyOf(features);
    this.window = window;
    this.repeat = repeat;
    this.series =
        series.stream().sorted(Comparator.comparing(one -> one.device().value())).toList();
    this.collected =
        collected.stream()
            .sorted(
                Comparator.comparing((CollectedWindow one) -> one.device().value())
                    .thenComparing(CollectedWindow::prediction))
            .toList();
    this.splits = Map.copyOf(splits);
    this.series.forEach(one -> split(one.device()));
    for (CollectedWindow one : collected) {
      split(one.device());
      if (one.elements() != features.size() * window) {
        throw new IllegalArgumentException(
            "window of device '%s' has %d values, not %d x %d"
                .formatted(one.device(), one.elements(), features.size(), window));
      }
    }
  }

  /** A batch by itself, its devices split as usual. */
  static SnapshotContent ofTable(DatasetTable table, int window) {
    Map<DeviceId, BitSet> classes = new HashMap<>();
    table.series().forEach(one -> classes.put(one.device(), one.classes(window)));
    return new SnapshotContent(
        table.features(),
        window,
        1,
        table.series(),
        List.of(),
        LabelClasses.learned(
            DeviceSplit.USUAL.assign(LabelClasses.strata(classes, 1), Map.of()), classes));
  }

  /** This without a device's series and windows, and without the windows of some predictions. */
  SnapshotContent without(@Nullable String device, Set<String> predictions) {
    return with(
        series.stream().filter(one -> !one.device().value().equals(device)).toList(),
        one -> !one.device().value().equals(device) && !predictions.contains(one.key()));
  }

  /** This without collected windows that are not to be kept. */
  SnapshotContent keeping(Predicate<CollectedWindow> kept) {
    return with(series, kept);
  }

  private SnapshotContent with(List<DeviceSeries> left, Predicate<CollectedWindow> kept) {
    return new SnapshotContent(
        features, window, repeat, left, collected.stream().filter(kept).toList(), splits);
  }

  List<String> features() {
    return features;
  }

  int window() {
    return window;
  }

  int repeat() {
    return repeat;
  }

  List<DeviceSeries> series() {
    return series;
  }

  List<CollectedWindow> collected() {
    return collected;
  }

  Map<DeviceId, Split> splits() {
    return splits;
  }

  /** Classes that labels name, by the largest of them. */
  int classes() {
    return LabelClasses.count(series, collected);
  }

  Split split(DeviceId device) {
    Split split = splits.get(device);
    if (split == null) {
      throw new IllegalArgumentException("device '%s' has no split".formatted(device));
    }
    return split;
  }

  Digest digest() {
    CanonicalBytes bytes = new CanonicalBytes();
    bytes.text("skerry-snapshot-v1").int32(window).int32(repeat).int32(features.size());
    features.forEach(bytes::text);
    bytes.int32(series.size());
    for (DeviceSeries one : series) {
      bytes.text(one.device().value()).int8(split(one.device()).code()).int32(one.rows());
      for (int row = 0; row < one.rows(); row++) {
        bytes.int32(one.cycle(row)).int8(one.label(row));
        for (int feature = 0; feature < features.size(); feature++) {
          bytes.float32(one.value(row, feature));
        }
      }
    }
    bytes.int32(collected.size());
    for (CollectedWindow one : collected) {
      bytes.text(one.device().value()).text(one.prediction());
      bytes.int8(split(one.device()).code()).int8(one.slice() ? 1 : 0).int8(one.label());
      for (int i = 0; i < one.elements(); i++) {
        bytes.float32(one.value(i));
      }
    }
    return bytes.digest();
  }

  /**
   * Cuts every series into overlapping windows, one per cycle from the first full one on, and adds
   * the collected ones. A window's label is that of its last cycle.
   *
   * @throws DatasetInvalidException if that is more than fits into memory
   */
  Examples examples() {
    long count = 0;
    for (DeviceSeries one : series) {
      count += one.examples(window);
    }
    for (CollectedWindow one : collected) {
      count += times(one);
    }
    long floats = count * features.size() * window;
    if (floats > FLOATS_MAX) {
      throw new DatasetInvalidException(
          "%,d examples of %d x %d values are more than one run can hold (%,d values)"
              .formatted(count, features.size(), window, FLOATS_MAX));
    }
    Examples examples = new Examples((int) count, features.size(), window);
    for (DeviceSeries one : series) {
      byte split = split(one.device()).code();
      for (int last = window - 1; last < one.rows(); last++) {
        examples.addRows(one, last, split);
      }
    }
    for (CollectedWindow one : collected) {
      byte split = split(one.device()).code();
      for (int i = 0; i < times(one); i++) {
        examples.addCollected(one, split);
      }
    }
    return examples;
  }

  private int times(CollectedWindow one) {
    return split(one.device()) == Split.TRAIN ? repeat : 1;
  }

  private static final class CanonicalBytes {
    private final MessageDigest digest = Digest.newMessageDigest();
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

    CanonicalBytes int8(int value) {
      room(1).put((byte) value);
      return this;
    }

    CanonicalBytes int32(int value) {
      room(4).putInt(value);
      return this;
    }

    CanonicalBytes float32(float value) {
      room(4).putFloat(value);
      return this;
    }

    CanonicalBytes text(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      int32(utf8.length);
      flush();
      digest.update(utf8);
      return this;
    }

    Digest digest() {
      flush();
      return Digest.of(digest);
    }

    private ByteBuffer room(int bytes) {
      if (buffer.remaining() < bytes) {
        flush();
      }
      return buffer;
    }

    private void flush() {
      digest.update(buffer.flip());
      buffer.clear();
    }
  }
}
