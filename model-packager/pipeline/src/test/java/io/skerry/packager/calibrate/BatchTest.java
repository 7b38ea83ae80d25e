package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Shape;
import org.junit.jupiter.api.Test;

class BatchTest {
  private static final long MEBIBYTE = 1 << 20;

  @Test
  void isAsLargeAsItemsFitMemory() {
    assertThat(Batch.of(1, 2)).isEqualTo(new Batch(32, true));
    assertThat(Batch.of(MEBIBYTE, 2)).isEqualTo(new Batch(32, true));
    assertThat(Batch.of(MEBIBYTE + 1, 2)).isEqualTo(new Batch(31, true));
    assertThat(Batch.of(MEBIBYTE, 4)).isEqualTo(new Batch(16, true));
    assertThat(Batch.of(32 * MEBIBYTE, 2)).isEqualTo(new Batch(1, true));
  }

  @Test
  void isOneItemOfOneWorkerWhereNoTwoFit() {
    assertThat(Batch.of(32 * MEBIBYTE + 1, 2)).isEqualTo(new Batch(1, false));
    assertThat(Batch.of(Long.MAX_VALUE, 2)).isEqualTo(new Batch(1, false));
  }

  @Test
  void countsTheTensorsOfAnItem() {
    Nets net = new Nets(1, "x", Shape.BATCH, 3, 8, 8);
    net.conv(16, Activation.RELU, 3, 3);
    net.halved();

    assertThat(Batch.bytesPerItem(net.graph("y"))).isEqualTo(4 * (3 + 16 + 4) * 64);
  }
}
