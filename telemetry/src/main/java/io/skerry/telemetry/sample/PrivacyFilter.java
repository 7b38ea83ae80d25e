package io.skerry.telemetry.sample;

import com.google.protobuf.ByteString;
import io.skerry.telemetry.sketch.IntegerScale;
import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import io.skerry.wire.fleet.v1.NamedTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Acts on samples and ids before they leave the device, as the signed manifest says, rule by rule.
 *
 * <p>What a rule cannot do to a type of element, it drops: nothing leaves by mistake. Immutable.
 *
 * <p>A pseudonym is {@code SHA-256(key | field | value)}, cut to 64 bits for ids and to 24 for
 * numbers. With a key of the device only, equal values stay equal within the device and tell nobody
 * else anything.
 */
public final class PrivacyFilter {
  private static final String INPUT = "input:";
  private static final String OUTPUT = "output:";
  private static final String CLIENT_ID = "client-id";

  private final List<PrivacyRule> rules;
  private final MonitoringManifest manifest;
  private final byte[] key;

  /**
   * The filter of a manifest.
   *
   * @param key secret of the device, for pseudonyms
   */
  public PrivacyFilter(MonitoringManifest manifest, byte[] key) {
    this.manifest = manifest;
    this.rules = manifest.getPrivacyList();
    this.key = key.clone();
  }

  /** The client's own id, as it may leave. */
  public String clientId(String clientId) {
    String left = clientId;
    for (PrivacyRule rule : rules) {
      if (rule.getField().equals(CLIENT_ID) && !left.isEmpty()) {
        left =
            rule.getAction() == PrivacyRule.Action.HASH
                ? HexFormat.of()
                    .toHexDigits(pseudonym(CLIENT_ID, left.getBytes(StandardCharsets.UTF_8)))
                : "";
      }
    }
    return left;
  }

  /** An input tensor, as it may leave. */
  public NamedTensor input(NamedTensor tensor) {
    NamedTensor left = tensor;
    for (PrivacyRule rule : rules) {
      if (rule.getField().equals(INPUT + tensor.getName())) {
        left = applied(rule, left, INPUT, 0, -1);
      } else if (tensor.getName().equals(manifest.getInput())) {
        int offset = offset(rule.getField());
        if (offset >= 0) {
          left = applied(rule, left, INPUT, offset, 1);
        }
      }
    }
    return left;
  }

  /** An output tensor, as it may leave. */
  public NamedTensor output(NamedTensor tensor) {
    NamedTensor left = tensor;
    for (PrivacyRule rule : rules) {
      if (rule.getField().equals(OUTPUT + tensor.getName())) {
        left = applied(rule, left, OUTPUT, 0, -1);
      }
    }
    return left;
  }

  private int offset(String field) {
    for (FeatureStream feature : manifest.getFeaturesList()) {
      // A scalar is no element: a rule for it acts on what is counted.
      if (feature.getName().equals(field) && feature.getScalarValue() == 0) {
        return feature.getOffset();
      }
    }
    return -1;
  }

  /** Acts on some elements of every item of a tensor; {@code count} of -1 = all. */
  private NamedTensor applied(
      PrivacyRule rule, NamedTensor tensor, String side, int first, int count) {
    Elements elements = Elements.of(tensor);
    byte[] bytes = tensor.getData().toByteArray();
    if (elements == null) {
      Arrays.fill(bytes, (byte) 0);
      return tensor.toBuilder().setData(ByteString.copyFrom(bytes)).build();
    }
    ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int total = bytes.length / elements.width;
    int items = Math.max(1, count < 0 || tensor.getShapeCount() < 2 ? 1 : (int) tensor.getShape(0));
    int perItem = total / items;
    ByteBuffer before =
        ByteBuffer.wrap(tensor.getData().toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
    IntegerScale scale =
        elements == Elements.INT8
            ? IntegerScale.of(manifest, side + tensor.getName()).orElse(null)
            : null;
    for (int item = 0; item < items; item++) {
      int from = item * perItem + (count < 0 ? 0 : first);
      int to = Math.min((item + 1) * perItem, count < 0 ? total : from + count);
      for (int at = from; at < to; at++) {
        double value =
            switch (rule.getAction()) {
              case ROUND -> rounded(elements.get(before, at), rule.getStep(), scale);
              case HASH -> hashed(rule.getField(), elements, elements.get(before, at));
              case BLUR ->
                  count < 0
                      ? blurred(elements, before, tensor.getShapeList(), at, rule.getRadius())
                      : Double.NaN;
              case DROP, ACTION_UNSPECIFIED, UNRECOGNIZED -> Double.NaN;
            };
        elements.put(data, at, value);
      }
    }
    return tensor.toBuilder().setData(ByteString.copyFrom(bytes)).build();
  }

  private static double rounded(double value, double step, @Nullable IntegerScale scale) {
    if (!(step > 0)) {
      return Double.NaN;
    }
    return scale == null
        ? Math.rint(value / step) * step
        : scale.integer(Math.rint(scale.real((byte) value) / step) * step);
  }

  // A fraction where elements can be one, else a whole number of as many bits as the element has.
  private double hashed(String field, Elements elements, double value) {
    byte[] bits = ByteBuffer.allocate(Double.BYTES).putDouble(value).array();
    long pseudonym = pseudonym(field, bits);
    return switch (elements) {
      case FP32, FP64 -> (pseudonym >>> 40) * 0x1p-24;
      case INT8, UINT8 -> pseudonym >>> 57;
      case INT16 -> pseudonym >>> 49;
      case INT32, INT64 -> pseudonym >>> 40;
    };
  }

  // Over rows and columns of [n, height, width, channels] or [n, channels, height, width], where
  // the
  // last axis of at most 4 is the channels; else along the last axis.
  private static double blurred(
      Elements elements, ByteBuffer data, List<Long> shape, int at, int radius) {
    int axes = shape.size();
    boolean image = axes >= 3;
    boolean channelsLast = image && shape.get(axes - 1) <= 4;
    int channels = channelsLast ? shape.get(axes - 1).intValue() : 1;
    int width = axes == 0 ? 1 : shape.get(channelsLast ? axes - 2 : axes - 1).intValue();
    int height = image ? shape.get(channelsLast ? axes - 3 : axes - 2).intValue() : 1;
    int column = at / channels % width;
    int row = at / channels / width % height;
    int reach = Math.min(radius, Math.max(width, height));
    double sum = 0;
    int count = 0;
    for (int y = Math.max(0, row - reach); y <= Math.min(height - 1, row + reach); y++) {
      for (int x = Math.max(0, column - reach); x <= Math.min(width - 1, column + reach); x++) {
        sum += elements.get(data, at + ((y - row) * width + x - column) * channels);
        count++;
      }
    }
    return sum / count;
  }

  private long pseudonym(String field, byte[] value) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(key);
      digest.update((byte) key.length);
      digest.update(field.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
      return ByteBuffer.wrap(digest.digest(value)).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Elements of a tensor as numbers. */
  private enum Elements {
    FP32(4),
    FP64(8),
    INT8(1),
    UINT8(1),
    INT16(2),
    INT32(4),
    INT64(8);

    private final int width;

    Elements(int width) {
      this.width = width;
    }

    static @Nullable Elements of(NamedTensor tensor) {
      for (Elements known : values()) {
        if (known.name().equals(tensor.getDatatype())
            && tensor.getData().size() % known.width == 0) {
          return known;
        }
      }
      return null;
    }

    double get(ByteBuffer data, int at) {
      int place = at * width;
      return switch (this) {
        case FP32 -> data.getFloat(place);
        case FP64 -> data.getDouble(place);
        case INT8 -> data.get(place);
        case UINT8 -> data.get(place) & 0xff;
        case INT16 -> data.getShort(place);
        case INT32 -> data.getInt(place);
        case INT64 -> data.getLong(place);
      };
    }

    /** NaN becomes 0 where there is none. */
    void put(ByteBuffer data, int at, double value) {
      int place = at * width;
      switch (this) {
        case FP32 -> data.putFloat(place, (float) value);
        case FP64 -> data.putDouble(place, value);
        case INT8, UINT8 -> data.put(place, (byte) Math.round(value));
        case INT16 -> data.putShort(place, (short) Math.round(value));
        case INT32 -> data.putInt(place, (int) Math.round(value));
        case INT64 -> data.putLong(place, Math.round(value));
      }
    }
  }
}
