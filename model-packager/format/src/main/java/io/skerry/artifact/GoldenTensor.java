package io.skerry.artifact;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/** A tensor of a golden case, with its values. */
public final class GoldenTensor {
  private final String name;
  private final ElementType type;
  private final List<Long> shape;
  private final ByteBuffer data;

  /**
   * Copies the data's remaining bytes.
   *
   * @throws IllegalArgumentException if they are not as many as type and shape say
   */
  public GoldenTensor(String name, ElementType type, List<Long> shape, ByteBuffer data) {
    long bytes = type.bytes();
    for (long dimension : shape) {
      if (dimension < 0 || dimension > Integer.MAX_VALUE || bytes > Integer.MAX_VALUE) {
        throw new IllegalArgumentException("tensor '%s' has shape %s".formatted(name, shape));
      }
      bytes *= dimension;
    }
    if (type.bytes() == 0 || bytes != data.remaining()) {
      throw new IllegalArgumentException(
          "tensor '%s' of type %s and shape %s needs %d bytes, has %d"
              .formatted(name, type, shape, bytes, data.remaining()));
    }
    this.name = name;
    this.type = type;
    this.shape = List.copyOf(shape);
    this.data =
        ByteBuffer.allocate(data.remaining())
            .put(data.duplicate())
            .flip()
            .asReadOnlyBuffer()
            .order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A tensor of 32-bit floats. */
  public static GoldenTensor ofFloats(String name, List<Long> shape, float... values) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new GoldenTensor(name, ElementType.FP32, shape, data);
  }

  /** Name of the model's input or output. */
  public String name() {
    return name;
  }

  /** Element type. */
  public ElementType type() {
    return type;
  }

  /** Dimensions, row-major. */
  public List<Long> shape() {
    return shape;
  }

  /** The elements, little-endian; a fresh read-only view each time. */
  public ByteBuffer data() {
    return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The first place where {@code actual} is further off than allowed: more than {@code absolute +
   * relative · |expected|}. A NaN only ever equals a NaN.
   *
   * @return one line saying where and by how much; empty when there is none
   */
  Optional<String> difference(
      ElementType actualType, List<Long> actualShape, ByteBuffer actual, Tolerance tolerance) {
    if (actualType != type
        || !actualShape.equals(shape)
        || actual.remaining() != data.remaining()) {
      return Optional.of(
          "output '%s' is %s%s, expected %s%s"
              .formatted(name, actualType, actualShape, type, shape));
    }
    ByteBuffer found = actual.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int elements = data.remaining() / type.bytes();
    for (int i = 0; i < elements; i++) {
      double e = element(data, i);
      double a = element(found, found.position() / type.bytes(), i);
      boolean same = Double.compare(e, a) == 0;
      if (!same
          && !(Math.abs(a - e) <= tolerance.absolute() + tolerance.relative() * Math.abs(e))) {
        return Optional.of(
            "output '%s' has %s at element %d, expected %s ± %s"
                .formatted(
                    name, a, i, e, tolerance.absolute() + tolerance.relative() * Math.abs(e)));
      }
    }
    return Optional.empty();
  }

  private double element(ByteBuffer buffer, int index) {
    return element(buffer, 0, index);
  }

  private double element(ByteBuffer buffer, int start, int index) {
    return type.number(buffer, (start + index) * type.bytes());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GoldenTensor that
        && name.equals(that.name)
        && type == that.type
        && shape.equals(that.shape)
        && data.equals(that.data);
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + data.hashCode();
  }

  @Override
  public String toString() {
    return "%s %s%s".formatted(name, type, shape);
  }
}
