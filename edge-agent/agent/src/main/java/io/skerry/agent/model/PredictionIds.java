package io.skerry.agent.model;

import java.time.InstantSource;
import java.util.random.RandomGenerator;

/** Makes ULIDs that only grow: 48 bits of milliseconds, then 80 random bits. */
final class PredictionIds {
  private static final char[] DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".toCharArray();
  private static final int RANDOM_HIGH_BITS = 16;

  private final InstantSource clock;
  private final RandomGenerator random;
  private long millis = -1;
  private long high;
  private long low;

  PredictionIds(InstantSource clock, RandomGenerator random) {
    this.clock = clock;
    this.random = random;
  }

  synchronized PredictionId next() {
    long now = clock.millis();
    if (now > millis) {
      millis = now;
      high = random.nextLong() & ((1L << RANDOM_HIGH_BITS) - 1);
      low = random.nextLong();
    } else if (++low == 0 && ++high == 1L << RANDOM_HIGH_BITS) {
      millis++;
      high = 0;
    }
    return new PredictionId(text(millis, high, low));
  }

  private static String text(long millis, long high, long low) {
    char[] text = new char[26];
    for (int i = 0; i < 10; i++) {
      text[i] = DIGITS[(int) (millis >>> (45 - 5 * i)) & 31];
    }
    // 80 random bits: the first eight digits hold the high 16 and the top 24 of the low 64.
    long top = (high << 24) | (low >>> 40);
    for (int i = 0; i < 8; i++) {
      text[10 + i] = DIGITS[(int) (top >>> (35 - 5 * i)) & 31];
    }
    for (int i = 0; i < 8; i++) {
      text[18 + i] = DIGITS[(int) (low >>> (35 - 5 * i)) & 31];
    }
    return new String(text);
  }
}
