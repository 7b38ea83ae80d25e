package io.skerry.telemetry.sketch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Bits, most significant first. */
final class BitWriter {
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final int AT_ONCE = 32;

  private byte[] bytes = new byte[512];
  private int whole;
  // The lowest of these are not in a byte yet: fewer than 32 between two calls.
  private long held;
  private int heldBits;

  void bits(long value, int count) {
    if (count > AT_ONCE) {
      bits(value >>> AT_ONCE, count - AT_ONCE);
      bits(value, AT_ONCE);
      return;
    }
    held = (held << count) | (value & ((1L << count) - 1));
    heldBits += count;
    if (heldBits >= Integer.SIZE) {
      heldBits -= Integer.SIZE;
      if (whole + Integer.BYTES > bytes.length) {
        bytes = Arrays.copyOf(bytes, 2 * bytes.length);
      }
      INTS.set(bytes, whole, (int) (held >>> heldBits));
      whole += Integer.BYTES;
    }
  }

  /**
   * Rice codes one after the other: ones, a zero, k bits; so many ones say that the number follows
   * in 32 bits.
   *
   * @param ones at most 31
   * @param k at most 24
   */
  void rice(long[] values, int count, int ones, int k) {
    for (int i = 0; i < count; i++) {
      long quotient = values[i] >>> k;
      if (quotient < ones) {
        long rest = values[i] & ((1L << k) - 1);
        bits((((2L << quotient) - 2) << k) | rest, (int) quotient + 1 + k);
      } else {
        bits((1L << ones) - 1, ones);
        bits(values[i], Integer.SIZE);
      }
    }
  }

  /** Elias' gamma code of a number from 0. */
  void gamma(long value) {
    int length = 63 - Long.numberOfLeadingZeros(value + 1);
    bits(0, length);
    bits(value + 1, length + 1);
  }

  byte[] toBytes() {
    int more = Math.ceilDiv(heldBits, Byte.SIZE);
    byte[] all = Arrays.copyOf(bytes, whole + more);
    // Filled up with zeros.
    long last = held << (Integer.SIZE - heldBits);
    for (int i = 0; i < more; i++) {
      all[whole + i] = (byte) (last >>> (Integer.SIZE - Byte.SIZE * (i + 1)));
    }
    return all;
  }
}
