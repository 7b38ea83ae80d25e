package io.skerry.telemetry.sketch;

import java.util.Arrays;

/** Bits, most significant first. */
final class BitWriter {
  private static final int AT_ONCE = 32;

  private byte[] bytes = new byte[512];
  private int whole;
  // The lowest of these are not in a byte yet: fewer than eight between two calls.
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
    if (whole + Long.BYTES > bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * bytes.length);
    }
    while (heldBits >= Byte.SIZE) {
      heldBits -= Byte.SIZE;
      bytes[whole++] = (byte) (held >>> heldBits);
    }
  }

  /** Elias' gamma code of a number from 0. */
  void gamma(long value) {
    int length = 63 - Long.numberOfLeadingZeros(value + 1);
    bits(0, length);
    bits(value + 1, length + 1);
  }

  byte[] toBytes() {
    byte[] all = Arrays.copyOf(bytes, whole + (heldBits > 0 ? 1 : 0));
    if (heldBits > 0) {
      all[whole] = (byte) (held << (Byte.SIZE - heldBits));
    }
    return all;
  }
}
