package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Reads what {@link BitWriter} wrote. */
final class BitReader {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final int GAMMA_MAX = 32;

  private final byte[] bytes;
  private final int size;
  private int at;

  BitReader(byte[] bytes) {
    this.bytes = bytes;
    this.size = bytes.length * Byte.SIZE;
  }

  // What comes next, the first bit highest: 57 bits at least, zeros where there are no more.
  private long ahead() {
    int from = at >>> 3;
    long next = 0;
    if (from + Long.BYTES <= bytes.length) {
      next = (long) LONGS.get(bytes, from);
    } else {
      for (int i = 0; i < Long.BYTES; i++) {
        int more = from + i < bytes.length ? bytes[from + i] & 0xff : 0;
        next = (next << Byte.SIZE) | more;
      }
    }
    return next << (at & 7);
  }

  private void skip(int count) throws MalformedDocumentException {
    if (at + count > size) {
      throw new MalformedDocumentException("packed counts end too early");
    }
    at += count;
  }

  int bit() throws MalformedDocumentException {
    return (int) bits(1);
  }

  /** At most 32. */
  long bits(int count) throws MalformedDocumentException {
    long next = ahead();
    skip(count);
    return count == 0 ? 0 : next >>> (Long.SIZE - count);
  }

  /**
   * A Rice code: ones, a zero, k bits; so many ones say that the number follows in 32 bits.
   *
   * @param ones at most 31
   * @param k at most 24
   */
  long rice(int ones, int k) throws MalformedDocumentException {
    // One look is enough for the longest code.
    long next = ahead();
    int quotient = Long.numberOfLeadingZeros(~next);
    if (quotient >= ones) {
      skip(ones);
      return bits(Integer.SIZE);
    }
    skip(quotient + 1 + k);
    // Two shifts: by 64 at once, where k is 0, would be by none.
    long rest = ((next << quotient << 1) >>> 1) >>> (Long.SIZE - 1 - k);
    return ((long) quotient << k) | rest;
  }

  long gamma() throws MalformedDocumentException {
    int length = Long.numberOfLeadingZeros(ahead());
    if (length > GAMMA_MAX) {
      skip(GAMMA_MAX + 1);
      throw new MalformedDocumentException("packed counts hold a number that is too large");
    }
    skip(length + 1);
    return ((1L << length) | bits(length)) - 1;
  }

  boolean isAtEnd() {
    return size - at < Byte.SIZE;
  }
}
