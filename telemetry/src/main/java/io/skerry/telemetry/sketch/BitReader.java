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
  private static final int AHEAD_MIN = 57;

  private final byte[] bytes;
  private final int size;
  private int at;

  BitReader(byte[] bytes) {
    this.bytes = bytes;
    this.size = bytes.length * Byte.SIZE;
  }

  // What comes next, the first bit highest: AHEAD_MIN bits at least, zeros where there are no more.
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
   * Rice codes one after the other: ones, a zero, k bits; so many ones say that the number follows
   * in 32 bits.
   *
   * @param into as many numbers as are read
   * @param ones at most 31
   * @param k at most 24
   */
  void rice(long[] into, int count, int ones, int k) throws MalformedDocumentException {
    long next = 0;
    int known = 0;
    int used = 0;
    for (int i = 0; i < count; i++) {
      int quotient = Long.numberOfLeadingZeros(~next);
      int length = quotient + 1 + k;
      if (length > known || quotient >= ones) {
        // One look is enough for the longest code, and for several short ones.
        skip(used);
        next = ahead();
        known = AHEAD_MIN;
        used = 0;
        quotient = Long.numberOfLeadingZeros(~next);
        if (quotient >= ones) {
          skip(ones);
          into[i] = bits(Integer.SIZE);
          known = 0;
          continue;
        }
        length = quotient + 1 + k;
      }
      // Two shifts: by 64 at once, where k is 0, would be by none.
      long rest = ((next << quotient << 1) >>> 1) >>> (Long.SIZE - 1 - k);
      into[i] = ((long) quotient << k) | rest;
      next <<= length;
      known -= length;
      used += length;
    }
    skip(used);
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
