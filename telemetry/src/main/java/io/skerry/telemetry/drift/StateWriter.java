package io.skerry.telemetry.drift;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Writes the state of a ledger in parts, so that nobody needs all of it in memory: numbers
 * big-endian, floats by their bits, text as a length and UTF-8. No number lies in two parts; the
 * last part is the CRC-32 of all before, as a long.
 */
final class StateWriter {
  static final int PART_BYTES = 1 << 20;

  /** Bytes of a text at most. */
  static final int TEXT_MAX = 1 << 12;

  private final Consumer<byte[]> parts;
  private final ByteBuffer part = ByteBuffer.allocate(PART_BYTES);
  private final CRC32 sum = new CRC32();

  StateWriter(Consumer<byte[]> parts) {
    this.parts = parts;
  }

  private void room(int bytes) {
    if (part.remaining() < bytes) {
      flush();
    }
  }

  private void flush() {
    if (part.position() > 0) {
      byte[] bytes = Arrays.copyOf(part.array(), part.position());
      sum.update(bytes);
      parts.accept(bytes);
      part.clear();
    }
  }

  void end() {
    flush();
    part.putLong(sum.getValue());
    flush();
  }

  void putInt(int value) {
    room(Integer.BYTES);
    part.putInt(value);
  }

  void putLong(long value) {
    room(Long.BYTES);
    part.putLong(value);
  }

  void putDouble(double value) {
    putLong(Double.doubleToRawLongBits(value));
  }

  void putFlag(boolean value) {
    putInt(value ? 1 : 0);
  }

  void putText(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > TEXT_MAX) {
      throw new IllegalArgumentException(
          "%.60s... has more than %d bytes".formatted(text, TEXT_MAX));
    }
    putInt(bytes.length);
    room(bytes.length);
    part.put(bytes);
  }

  void putTerms(Cohort cohort) {
    putInt(cohort.terms().size());
    for (Cohort.Term term : cohort.terms()) {
      putText(term.attribute());
      putText(term.value());
    }
  }

  void putFloats(float[] values) {
    for (float value : values) {
      putInt(Float.floatToRawIntBits(value));
    }
  }

  void putDoubles(double[] values) {
    for (double value : values) {
      putDouble(value);
    }
  }

  void putLongs(long[] values) {
    for (long value : values) {
      putLong(value);
    }
  }

  /** Whether there is one, and if so its values. */
  void putOptional(float @Nullable [] values) {
    putFlag(values != null);
    if (values != null) {
      putFloats(values);
    }
  }

  void putRows(List<float[]> rows) {
    putInt(rows.size());
    rows.forEach(this::putFloats);
  }

  void putBits(BitSet bits) {
    long[] words = bits.toLongArray();
    putInt(words.length);
    putLongs(words);
  }
}
