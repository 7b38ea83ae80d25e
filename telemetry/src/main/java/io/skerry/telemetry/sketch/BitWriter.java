package io.skerry.telemetry.sketch;

import java.util.Arrays;

/** Bits, most significant first. */
final class BitWriter {
  private byte[] bytes = new byte[512];
  private int bits;

  void bits(long value, int count) {
    if ((bits + count + 7) / 8 > bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * bytes.length);
    }
    for (int i = count - 1; i >= 0; i--) {
      if ((value >>> i & 1) != 0) {
        bytes[bits >>> 3] |= (byte) (0x80 >>> (bits & 7));
      }
      bits++;
    }
  }

  /** Elias' gamma code of a number from 0. */
  void gamma(long value) {
    int length = 63 - Long.numberOfLeadingZeros(value + 1);
    bits(0, length);
    bits(value + 1, length + 1);
  }

  byte[] toBytes() {
    return Arrays.copyOf(bytes, (bits + 7) / 8);
  }
}
