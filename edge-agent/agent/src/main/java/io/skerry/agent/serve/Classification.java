package io.skerry.agent.serve;

import io.skerry.agent.model.ModelTraits;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.PriorityQueue;
import java.util.stream.Stream;

/** Turns scores into the names of the highest: {@code value:index} or {@code value:index:label}. */
final class Classification {
  private Classification() {}

  /** Whether elements of this type have an order that clients of the protocol know. */
  static boolean ranks(ElementType type) {
    return switch (type) {
      case BOOL, FP16, BF16, BYTES -> false;
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64, FP32, FP64 -> true;
    };
  }

  /**
   * The highest classes.
   *
   * @param scores shape [batch, ...] when the model takes batches, else one item
   * @param classes at most that many, from 1
   * @return BYTES of shape [batch, k] or [k]
   */
  static Tensor top(Tensor scores, int classes, ModelTraits traits) {
    boolean batched = traits.batchMax() > 0 && !scores.shape().isEmpty();
    int items = batched ? Math.toIntExact(scores.shape().getFirst()) : 1;
    int each = items == 0 ? 0 : scores.data().remaining() / scores.type().bytes() / items;
    int kept = Math.min(classes, each);
    List<byte[]> texts = new ArrayList<>(items * kept);
    ByteBuffer data = scores.data().slice().order(ByteOrder.LITTLE_ENDIAN);
    for (int item = 0; item < items; item++) {
      int start = item * each;
      for (int index : highest(scores.type(), data, start, each, kept)) {
        String text = text(scores.type(), data, start + index) + ":" + index;
        texts.add(
            (index < traits.labels().size() ? text + ":" + traits.labels().get(index) : text)
                .getBytes(StandardCharsets.UTF_8));
      }
    }
    List<Long> shape = batched ? List.of((long) items, (long) kept) : List.of((long) kept);
    return new Tensor(scores.name(), ElementType.BYTES, shape, ByteStrings.write(texts));
  }

  private static List<Integer> highest(
      ElementType type, ByteBuffer data, int start, int count, int kept) {
    if (kept == 0) {
      return List.of();
    }
    // Not-a-number ranks below everything; of equal scores the first index comes first.
    Comparator<Integer> lowestFirst =
        Comparator.comparingDouble(
                (Integer index) -> {
                  double score = score(type, data, start + index);
                  return Double.isNaN(score) ? Double.NEGATIVE_INFINITY : score;
                })
            .thenComparing(Comparator.<Integer>naturalOrder().reversed());
    PriorityQueue<Integer> best = new PriorityQueue<>(lowestFirst);
    for (int i = 0; i < count; i++) {
      best.add(i);
      if (best.size() > kept) {
        best.poll();
      }
    }
    return Stream.generate(best::poll).limit(kept).toList().reversed();
  }

  private static double score(ElementType type, ByteBuffer data, int index) {
    int at = index * type.bytes();
    return switch (type) {
      case UINT8 -> Byte.toUnsignedInt(data.get(at));
      case INT8 -> data.get(at);
      case UINT16 -> Short.toUnsignedInt(data.getShort(at));
      case INT16 -> data.getShort(at);
      case UINT32 -> Integer.toUnsignedLong(data.getInt(at));
      case INT32 -> data.getInt(at);
      // Shifted, so that the order of the unsigned values is kept.
      case UINT64 -> data.getLong(at) ^ Long.MIN_VALUE;
      case INT64 -> data.getLong(at);
      case FP32 -> data.getFloat(at);
      case FP64 -> data.getDouble(at);
      case BOOL, FP16, BF16, BYTES -> throw new IllegalStateException(type + " does not rank");
    };
  }

  private static String text(ElementType type, ByteBuffer data, int index) {
    int at = index * type.bytes();
    return switch (type) {
      case FP32 -> String.format(Locale.ROOT, "%f", data.getFloat(at));
      case FP64 -> String.format(Locale.ROOT, "%f", data.getDouble(at));
      case INT64 -> Long.toString(data.getLong(at));
      case UINT64 -> Long.toUnsignedString(data.getLong(at));
      case UINT8, INT8, UINT16, INT16, UINT32, INT32 ->
          Long.toString((long) score(type, data, index));
      case BOOL, FP16, BF16, BYTES -> throw new IllegalStateException(type + " does not rank");
    };
  }
}
