package io.skerry.telemetry.drift;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a {@link StateWriter} wrote.
 *
 * <p>All methods throw IllegalArgumentException where it ends too early or says what cannot be.
 */
final class StateReader {
  private final Iterator<byte[]> parts;
  private final CRC32 sum = new CRC32();
  private ByteBuffer part = ByteBuffer.allocate(0);

  StateReader(Iterator<byte[]> parts) {
    this.parts = parts;
  }

  private ByteBuffer next(int bytes) {
    if (!part.hasRemaining()) {
      if (!parts.hasNext()) {
        throw new IllegalArgumentException("the state ends too early");
      }
      byte[] read = parts.next();
      // The last part is the sum of the others.
      if (parts.hasNext()) {
        sum.update(read);
      }
      part = ByteBuffer.wrap(read);
    }
    if (part.remaining() < bytes) {
      throw new IllegalArgumentException("a part of the state ends too early");
    }
    return part;
  }

  void end() {
    if (part.hasRemaining() || getLong() != sum.getValue() || parts.hasNext()) {
      throw new IllegalArgumentException("the state is damaged: its sum is another");
    }
  }

  int getInt() {
    return next(Integer.BYTES).getInt();
  }

  /** A number of things, of which there are this many at most. */
  int getCount(int most) {
    int count = getInt();
    if (count < 0 || count > most) {
      throw new IllegalArgumentException("the state has %d of at most %d".formatted(count, most));
    }
    return count;
  }

  long getLong() {
    return next(Long.BYTES).getLong();
  }

  double getDouble() {
    return Double.longBitsToDouble(getLong());
  }

  boolean getFlag() {
    return getCount(1) == 1;
  }

  String getText() {
    byte[] bytes = new byte[getCount(StateWriter.TEXT_MAX)];
    if (bytes.length > 0) {
      next(bytes.length).get(bytes);
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  Cohort getTerms() {
    List<Cohort.Term> terms = new ArrayList<>();
    for (int left = getCount(Cohort.TERMS_MAX); left > 0; left--) {
      terms.add(new Cohort.Term(getText(), getText()));
    }
    return new Cohort(terms);
  }

  void getFloats(float[] into) {
    for (int i = 0; i < into.length; i++) {
      into[i] = Float.intBitsToFloat(getInt());
    }
  }

  void getDoubles(double[] into) {
    for (int i = 0; i < into.length; i++) {
      into[i] = getDouble();
    }
  }

  void getLongs(long[] into) {
    for (int i = 0; i < into.length; i++) {
      into[i] = getLong();
    }
  }

  float @Nullable [] getOptional(int length) {
    if (!getFlag()) {
      return null;
    }
    float[] values = new float[length];
    getFloats(values);
    return values;
  }

  List<float[]> getRows(int most, int length) {
    int count = getCount(most);
    List<float[]> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      float[] row = new float[length];
      getFloats(row);
      rows.add(row);
    }
    return rows;
  }

  BitSet getBits(int most) {
    long[] words = new long[getCount(most / Long.SIZE + 1)];
    getLongs(words);
    return BitSet.valueOf(words);
  }
}
