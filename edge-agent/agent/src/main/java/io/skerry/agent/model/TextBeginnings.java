package io.skerry.agent.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The first of a tensor's strings, each cut to its beginning, between two characters of UTF-8.
 *
 * @param whole the tensor's data, as {@link io.skerry.runtime.ByteStrings} tells; ends where it is
 *     cut off
 * @param strings how many of them, if there are so many
 * @param halvings how often their length is halved, upwards
 */
record TextBeginnings(ByteBuffer whole, long strings, int halvings) {
  private static final int CONTINUES_MASK = 0xC0;
  private static final int CONTINUES = 0x80;

  /** What is done with each. */
  private interface Each {
    void accept(ByteBuffer text);
  }

  /** Bytes of the longest one. */
  long longest() {
    long[] longest = {0};
    forEach(text -> longest[0] = Math.max(longest[0], text.remaining()));
    return longest[0];
  }

  /** Bytes of them all as a tensor's data. */
  long bytes() {
    long[] bytes = {0};
    forEach(text -> bytes[0] += Integer.BYTES + text.remaining());
    return bytes[0];
  }

  /** A tensor's data, in direct memory. */
  ByteBuffer data() {
    ByteBuffer data =
        ByteBuffer.allocateDirect(Math.toIntExact(bytes())).order(ByteOrder.LITTLE_ENDIAN);
    forEach(text -> data.putInt(text.remaining()).put(text));
    return data.flip();
  }

  private void forEach(Each each) {
    ByteBuffer rest = whole.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    for (long i = 0; i < strings && rest.remaining() >= Integer.BYTES; i++) {
      int length = rest.getInt();
      if (length < 0 || length > rest.remaining()) {
        return;
      }
      each.accept(rest.slice(rest.position(), cut(rest, length)));
      rest.position(rest.position() + length);
    }
  }

  private int cut(ByteBuffer text, int length) {
    long rounding = (1L << Math.min(halvings, Integer.SIZE)) - 1;
    int cut = (int) ((length + rounding) >> Math.min(halvings, Integer.SIZE));
    while (cut > 0
        && cut < length
        && (text.get(text.position() + cut) & CONTINUES_MASK) == CONTINUES) {
      cut--;
    }
    return cut;
  }
}
