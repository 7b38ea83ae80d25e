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
  void countsOnesUpToTheMost() throws MalformedDocumentException {
    BitReader in = new BitReader(new byte[] {(byte) 0b1101_1111, (byte) 0b1111_0111});

    assertThat(in.ones(24)).isEqualTo(2);
    assertThat(in.ones(5)).isEqualTo(5);
    assertThat(in.ones(24)).isEqualTo(4);
    assertThat(in.ones(3)).isEqualTo(3);
    assertThatThrownBy(() -> in.ones(1)).isInstanceOf(MalformedDocumentException.class);
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
    assertThatThrownBy(() -> new BitReader(new byte[] {(byte) 0xff}).ones(24))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining("too early");
  }
}
