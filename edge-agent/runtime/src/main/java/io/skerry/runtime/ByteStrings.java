package io.skerry.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The elements of a BYTES tensor:
 *
 * <pre>
 *  ┌─ u32 length, little-endian ─┬─ that many bytes ─┐  once per element
 * </pre>
 */
public final class ByteStrings {
  private ByteStrings() {}

  /**
   * How many elements the bytes hold; empty when the last one is cut off. The buffer's position is
   * left alone.
   */
  public static OptionalLong count(ByteBuffer data) {
    ByteBuffer rest = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    long count = 0;
    while (rest.hasRemaining()) {
      if (rest.remaining() < Integer.BYTES) {
        return OptionalLong.empty();
      }
      int length = rest.getInt();
      if (length < 0 || length > rest.remaining()) {
        return OptionalLong.empty();
      }
      rest.position(rest.position() + length);
      count++;
    }
    return OptionalLong.of(count);
  }

  /**
   * The elements, copied.
   *
   * @throws IllegalArgumentException if the last one is cut off
   */
  public static List<byte[]> read(ByteBuffer data) {
    ByteBuffer rest = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    List<byte[]> elements = new ArrayList<>();
    while (rest.hasRemaining()) {
      int length = rest.remaining() < Integer.BYTES ? -1 : rest.getInt();
      if (length < 0 || length > rest.remaining()) {
        throw new IllegalArgumentException(
            "element %d of a BYTES tensor is cut off".formatted(elements.size()));
      }
      byte[] element = new byte[length];
      rest.get(element);
      elements.add(element);
    }
    return elements;
  }

  /**
   * The elements as a tensor's data.
   *
   * @throws IllegalArgumentException if they need more than 2 GiB
   */
  public static ByteBuffer write(List<byte[]> elements) {
    long bytes = 0;
    for (byte[] element : elements) {
      bytes += Integer.BYTES + element.length;
    }
    if (bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "%d strings need %d bytes, a tensor holds %d"
              .formatted(elements.size(), bytes, Integer.MAX_VALUE));
    }
    ByteBuffer data = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (byte[] element : elements) {
      data.putInt(element.length).put(element);
    }
    return data.flip();
  }
}
