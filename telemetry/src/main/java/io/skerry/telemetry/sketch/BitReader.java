package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;

/** Reads what {@link BitWriter} wrote. */
final class BitReader {
  private final byte[] bytes;
  private int at;

  BitReader(byte[] bytes) {
    this.bytes = bytes;
  }

  int bit() throws MalformedDocumentException {
    if (at >= bytes.length * 8) {
      throw new MalformedDocumentException("packed counts end too early");
    }
    int bit = bytes[at >>> 3] >>> (7 - (at & 7)) & 1;
    at++;
    return bit;
  }

  long bits(int count) throws MalformedDocumentException {
    long value = 0;
    for (int i = 0; i < count; i++) {
      value = value << 1 | bit();
    }
    return value;
  }

  long gamma() throws MalformedDocumentException {
    int length = 0;
    while (bit() == 0) {
      if (++length > 32) {
        throw new MalformedDocumentException("packed counts hold a number that is too large");
      }
    }
    return (1L << length | bits(length)) - 1;
  }

  boolean isAtEnd() {
    return bytes.length * 8 - at < 8;
  }
}
