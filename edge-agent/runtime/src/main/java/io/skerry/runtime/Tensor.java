package io.skerry.runtime;

import io.skerry.artifact.ElementType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A tensor.
 *
 * @param shape dimensions, each ≥ 0
 * @param data elements, row-major, little-endian, from position 0 to limit; direct where it meets
 *     an engine
 */
public record Tensor(String name, ElementType type, List<Long> shape, ByteBuffer data) {
  /**
   * Checks that the bytes are as many as the shape says.
   *
   * @throws IllegalArgumentException if they are not
   */
  public Tensor {
    shape = List.copyOf(shape);
    if (type.bytes() > 0 && elements(shape) * type.bytes() != data.remaining()) {
      throw new IllegalArgumentException(
          "tensor '%s' of type %s and shape %s needs %d bytes, has %d"
              .formatted(name, type, shape, elements(shape) * type.bytes(), data.remaining()));
    }
    data = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A tensor of 32-bit floats in a new direct buffer. */
  public static Tensor ofFloats(String name, List<Long> shape, float... values) {
    ByteBuffer data =
        ByteBuffer.allocateDirect(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new Tensor(name, ElementType.FP32, shape, data);
  }

  /**
   * The elements as 32-bit floats, copied.
   *
   * @throws IllegalStateException if the tensor has another type
   */
  public float[] floats() {
    if (type != ElementType.FP32) {
      throw new IllegalStateException("tensor '%s' is %s, not FP32".formatted(name, type));
    }
    float[] values = new float[data.remaining() / Float.BYTES];
    data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  /** Elements of a shape. */
  public static long elements(List<Long> shape) {
    long elements = 1;
    for (long dimension : shape) {
      elements = Math.multiplyExact(elements, dimension);
    }
    return elements;
  }
}
