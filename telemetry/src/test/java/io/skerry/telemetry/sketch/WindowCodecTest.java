package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WindowCodecTest {
  private static final StreamLayout LAYOUT = layout(100);

  private static StreamLayout layout(int features) {
    StreamLayout.Builder builder = new StreamLayout.Builder();
    for (int i = 0; i < features; i++) {
      builder.feature("f" + i, i % 7 == 0 ? 1 + i % 32 : 32);
    }
    return builder.add("$score", 64, 0).add("$latency", 32, 0).build();
  }

  private static WindowCounts random(Random random, int inferences) {
    int[] row = new int[LAYOUT.bins()];
    for (int stream = 0; stream < LAYOUT.size(); stream++) {
      int start = LAYOUT.start(stream);
      boolean skewed = random.nextInt(4) == 0;
      for (int i = 0; i < inferences; i++) {
        double at = skewed ? Math.abs(random.nextGaussian()) / 4 : random.nextDouble();
        row[start + (int) (Math.min(.9999, at) * LAYOUT.ordinary(stream))]++;
      }
      for (int bin = LAYOUT.ordinary(stream); bin < LAYOUT.bins(stream); bin++) {
        row[start + bin] = random.nextInt(5) == 0 ? random.nextInt(1 << random.nextInt(30)) : 0;
      }
    }
    return WindowCounts.of(LAYOUT, row);
  }

  private static List<Long> all(WindowCounts counts) {
    return java.util.stream.IntStream.range(0, LAYOUT.bins())
        .mapToObj(place -> (long) counts.at(place))
        .toList();
  }

  @Test
  void unpacksWhatItPacked() throws MalformedDocumentException {
    Random random = new Random(1);
    for (int inferences : new int[] {0, 1, 7, 1000, 100_000}) {
      WindowCounts counts = random(random, inferences);
      assertThat(all(WindowCodec.unpack(LAYOUT, WindowCodec.pack(counts)))).isEqualTo(all(counts));
    }
  }

  @Test
  void spreadsAddedUpBinsEvenlyAndKeepsTheirSum() throws MalformedDocumentException {
    StreamLayout layout = new StreamLayout.Builder().add("$score", 6, 1).build();
    WindowCounts counts = WindowCounts.of(layout, new int[] {5, 2, 0, 3, 1, 0, 9});

    assertThat(counts.spread(0)).containsExactly(5L, 2L, 0L, 3L, 1L, 0L, 9L);
    assertThat(counts.degraded(2, new boolean[] {true}).spread(0))
        .containsExactly(3L, 4L, 1L, 2L, 0L, 1L, 9L);
  }

  @Test
  void foldsWithoutLosingACount() throws MalformedDocumentException {
    WindowCounts counts = random(new Random(2), 1000);
    boolean[] kept = new boolean[LAYOUT.size()];
    Arrays.fill(kept, 3, kept.length, true);

    WindowCounts unpacked = WindowCodec.unpack(LAYOUT, WindowCodec.pack(counts.degraded(2, kept)));

    for (int stream = 0; stream < LAYOUT.size(); stream++) {
      assertThat(unpacked.has(stream)).isEqualTo(stream >= 3);
      if (stream >= 3) {
        assertThat(unpacked.total(stream)).isEqualTo(counts.total(stream));
        if (unpacked.fold(stream) == 2) {
          assertThat(unpacked.count(stream, 2))
              .isEqualTo(counts.count(stream, 2) + counts.count(stream, 3));
          assertThat(unpacked.count(stream, 3)).isZero();
        }
      }
    }
  }

  @Test
  void staysNearTheEntropyOfTheCounts() {
    StreamLayout layout = new StreamLayout.Builder().feature("a", 32).build();
    Random random = new Random(3);
    long bytes = 0;
    for (int window = 0; window < 200; window++) {
      int[] row = new int[layout.bins()];
      for (int i = 0; i < 1000; i++) {
        row[random.nextInt(32)]++;
      }
      bytes += WindowCodec.pack(WindowCounts.of(layout, row)).length;
    }

    // 31 counts with a deviation of 5.5 hold 17.4 bytes; the head and the total are 3 more.
    assertThat(bytes / 200.0).isBetween(17.4, 24.0);
  }

  @Test
  void refusesBytesThatAreNoCounts() {
    byte[] good = WindowCodec.pack(random(new Random(4), 100));
    Random random = new Random(5);
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      byte[] bad =
          random.nextBoolean() ? good.clone() : Arrays.copyOf(good, random.nextInt(good.length));
      for (int flips = random.nextInt(3); flips >= 0 && bad.length > 0; flips--) {
        bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
      }
      try {
        WindowCodec.unpack(LAYOUT, bad);
      } catch (MalformedDocumentException e) {
        refused++;
      }
    }

    assertThat(refused).isGreaterThan(1500);
    assertThatThrownBy(() -> WindowCodec.unpack(LAYOUT, new byte[] {(byte) 0xf0}))
        .hasMessageContaining("format 15");
  }

  @Test
  void refusesCountsThatDoNotAddUp() {
    StreamLayout layout = new StreamLayout.Builder().feature("a", 2).add("$errors", 2, 0).build();
    Window.Builder window =
        Window.newBuilder().setWindow(9).setPredictions(5).setPredictionsFailed(1);
    window
        .addStreamsBuilder()
        .setStream("a")
        .addAllCounts(List.of(1L, 2L, 0L, 0L, 0L, 0L, 0L, 0L, 3L));

    assertThatThrownBy(() -> WindowCodec.read(layout, window.build()))
        .hasMessage("window 9: stream 'a' counts 3 values of 4 predictions");
    assertThatThrownBy(() -> WindowCodec.read(layout, window.setSkipped(5).build()))
        .hasMessageContaining("5 predictions, 1 failed and 5 skipped");
    assertThatThrownBy(
            () ->
                WindowCodec.read(
                    layout,
                    Window.newBuilder()
                        .addStreams(StreamCounts.newBuilder().setStream("a").addCounts(1))
                        .build()))
        .hasMessageContaining("has 1 bins, not 9");
    assertThatThrownBy(
            () ->
                WindowCodec.read(
                    layout,
                    Window.newBuilder().setPacked(ByteString.copyFrom(new byte[1])).build()))
        .isInstanceOf(MalformedDocumentException.class);
  }

  @Test
  void refusesNumbersThatWrapOrThatNoDeviceCanCount() throws MalformedDocumentException {
    StreamLayout layout = new StreamLayout.Builder().add("$latency", 2, 0).build();
    Window.Builder most = Window.newBuilder().setPredictions((1L << 40));

    assertThat(WindowCodec.read(layout, most.build()).has(0)).isFalse();

    for (Window bad :
        List.of(
            Window.newBuilder().setPredictions(Long.MAX_VALUE).build(),
            Window.newBuilder().setPredictions((1L << 40) + 1).build(),
            Window.newBuilder().setPredictions(-1).build(),
            Window.newBuilder().setPredictions(3).setSkipped(-1).build(),
            Window.newBuilder().setPredictions(3).setPredictionsFailed(-1).build(),
            // 0 - (2^63 - 1) - (2^63 - 1) is 2 in 64 bits.
            Window.newBuilder()
                .setPredictionsFailed(Long.MAX_VALUE)
                .setSkipped(Long.MAX_VALUE)
                .build())) {
      assertThatThrownBy(() -> WindowCodec.read(layout, bad))
          .isInstanceOf(MalformedDocumentException.class)
          .hasMessageContaining("does not add up");
    }
  }

  @Test
  void addsCountsOfOneWindowUnlessASumIsTooLarge() throws MalformedDocumentException {
    StreamLayout layout = new StreamLayout.Builder().add("$errors", 4, 0).build();
    WindowCounts most = WindowCounts.of(layout, new int[] {Integer.MAX_VALUE, 1, 0, 0});
    WindowCounts one = WindowCounts.of(layout, new int[] {1, 0, 0, 0});
    WindowCounts folded = one.degraded(2, new boolean[] {true});

    assertThat(one.plus(one).counts(0)).containsExactly(2L, 0L, 0L, 0L);
    assertThat(most.plus(WindowCounts.of(layout, new int[4])).counts(0))
        .containsExactly(2L * (1 << 30) - 1, 1L, 0L, 0L);
    assertThatThrownBy(() -> most.plus(one))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessage("counts of one window add up to more than 2^31 - 1");
    // Folding alone is too much for it.
    assertThatThrownBy(() -> most.plus(folded)).isInstanceOf(MalformedDocumentException.class);
    assertThatThrownBy(
            () ->
                one.plus(
                    WindowCounts.of(
                        new StreamLayout.Builder().add("$score", 4, 0).build(), new int[4])))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining("other streams");
  }

  /** Devices of earlier versions divided: a guess of another value would be other counts. */
  @Test
  void dividesByReciprocalsExactly() {
    for (int divisor = 2; divisor <= 300; divisor++) {
      for (long quotient :
          new long[] {0, 1, 7, 65_535, (1L << 31) / divisor, (1L << 33) / divisor}) {
        for (long dividend = Math.max(0, quotient * divisor - 1);
            dividend <= quotient * divisor + 1;
            dividend++) {
          assertThat(WindowCodec.divide(dividend, divisor)).isEqualTo(dividend / divisor);
        }
      }
      assertThat(WindowCodec.divide(0xffff_ffffL, divisor)).isEqualTo(0xffff_ffffL / divisor);
    }
  }
}
