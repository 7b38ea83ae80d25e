package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.MalformedDocumentException;
import java.util.Arrays;
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
  void writesRiceCodesAtEveryBit() {
    BitWriter codes = new BitWriter();
    BitWriter bits = new BitWriter();
    for (int k = 0; k <= 24; k++) {
      long[] values = new long[25];
      for (int ones = 0; ones < 24; ones++) {
        values[ones] = ((long) ones << k) | rest(ones, k);
        bits.bits((1L << (ones + 1)) - 2, ones + 1);
        bits.bits(rest(ones, k), k);
      }
      values[24] = 0xfedc_ba98L;
      bits.bits((1 << 24) - 1, 24);
      bits.bits(0xfedc_ba98L, 32);

      codes.rice(values, values.length, 24, k);
      codes.bits(k, 1);
      bits.bits(k, 1);
    }

    assertThat(codes.toBytes()).isEqualTo(bits.toBytes());
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
      long[] read = rice(in, 25, k);
      for (int ones = 0; ones < 24; ones++) {
        assertThat(read[ones]).isEqualTo(((long) ones << k) | rest(ones, k));
      }
      assertThat(read[24]).isEqualTo(0xfedc_ba98L + k);
      in.bit();
    }
    assertThat(in.isAtEnd()).isTrue();
  }

  @Test
  void readsRiceCodesOfAllLengthsMixedAndRefusesAnyThatIsCutOff() throws Exception {
    Random random = new Random(3);
    for (int round = 0; round < 500; round++) {
      int k = random.nextInt(25);
      int oftenShort = 1 + random.nextInt(24);
      long[] values = new long[1 + random.nextInt(40)];
      BitWriter out = new BitWriter();
      for (int i = 0; i < values.length; i++) {
        int ones = random.nextInt(random.nextInt(8) == 0 ? 25 : oftenShort);
        if (ones == 24) {
          values[i] = random.nextLong() & 0xffff_ffffL;
          out.bits((1 << 24) - 1, 24);
          out.bits(values[i], 32);
        } else {
          long rest = random.nextLong() & ((1L << k) - 1);
          values[i] = ((long) ones << k) | rest;
          out.bits((1L << (ones + 1)) - 2, ones + 1);
          out.bits(rest, k);
        }
      }
      byte[] packed = out.toBytes();

      BitReader in = new BitReader(packed);

      assertThat(rice(in, values.length, k)).isEqualTo(values);
      assertThat(in.isAtEnd()).isTrue();
      byte[] cut = Arrays.copyOf(packed, random.nextInt(packed.length));
      assertThatThrownBy(() -> rice(new BitReader(cut), values.length, k))
          .isInstanceOf(MalformedDocumentException.class)
          .hasMessageContaining("too early");
    }
  }

  private static long[] rice(BitReader in, int count, int k) throws MalformedDocumentException {
    long[] read = new long[count];
    in.rice(read, count, 24, k);
    return read;
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
    assertThatThrownBy(() -> rice(new BitReader(new byte[] {(byte) 0xff}), 1, 3))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining("too early");
  }
}
