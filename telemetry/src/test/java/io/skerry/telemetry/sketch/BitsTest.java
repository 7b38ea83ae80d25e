package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.MalformedDocumentException;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BitsTest {
  private static final int NUMBERS = 5000;

  @Test
  void readsNumbersOfEveryLength() throws MalformedDocumentException {
    Random random = new Random(1);
    long[] values = new long[NUMBERS];
    int[] lengths = new int[NUMBERS];
    BitWriter out = new BitWriter();
    for (int i = 0; i < NUMBERS; i++) {
      lengths[i] = random.nextInt(33);
      values[i] = random.nextLong() & ((1L << lengths[i]) - 1);
      // What is above the length is not written.
      out.bits(values[i] | (-1L << lengths[i]), lengths[i]);
    }

    BitReader in = new BitReader(out.toBytes());

    for (int i = 0; i < NUMBERS; i++) {
      assertThat(in.bits(lengths[i])).isEqualTo(values[i]);
    }
    assertThat(in.isAtEnd()).isTrue();
  }

  @Test
  void readsGammaCodesBetweenBits() throws MalformedDocumentException {
    BitWriter out = new BitWriter();
    for (int shift = 0; shift < 32; shift++) {
      out.gamma(1L << shift);
      out.bits(1, 1);
      out.gamma((1L << shift) - 1);
    }

    BitReader in = new BitReader(out.toBytes());

    for (int shift = 0; shift < 32; shift++) {
      assertThat(in.gamma()).isEqualTo(1L << shift);
      assertThat(in.bit()).isEqualTo(1);
      assertThat(in.gamma()).isEqualTo((1L << shift) - 1);
    }
  }

  @Test
  void readsRiceCodesOfEveryLengthAtEveryBit() throws MalformedDocumentException {
    Random random = new Random(2);
    BitWriter out = new BitWriter();
    for (int k = 0; k <= 24; k++) {
      for (int ones = 0; ones < 24; ones++) {
        out.bits((1L << (ones + 1)) - 2, ones + 1);
        out.bits(rest(ones, k), k);
      }
      out.bits((1 << 24) - 1, 24);
      out.bits(0xfedc_ba98L + k, 32);
      out.bits(random.nextLong(), 1);
    }

    BitReader in = new BitReader(out.toBytes());

    for (int k = 0; k <= 24; k++) {
      for (int ones = 0; ones < 24; ones++) {
        assertThat(in.rice(24, k)).isEqualTo(((long) ones << k) | rest(ones, k));
      }
      assertThat(in.rice(24, k)).isEqualTo(0xfedc_ba98L + k);
      in.bit();
    }
    assertThat(in.isAtEnd()).isTrue();
  }

  private static long rest(int ones, int k) {
    return (0x5a_5a5a * (ones + 1L)) & ((1L << k) - 1);
  }

  @Test
  void refusesWhatEndsTooEarlyOrIsTooLarge() {
    assertThatThrownBy(() -> new BitReader(new byte[1]).bits(9))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining("too early");
    assertThatThrownBy(() -> new BitReader(new byte[2]).gamma())
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining("too early");
    assertThatThrownBy(() -> new BitReader(new byte[8]).gamma())
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining("too large");
    assertThatThrownBy(() -> new BitReader(new byte[] {(byte) 0xff}).rice(24, 3))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining("too early");
  }
}
