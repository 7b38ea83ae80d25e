package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.CoMoments;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Window;
import java.util.List;
import org.junit.jupiter.api.Test;

class OpenWindowsTest {
  private static final int ROOM = OpenWindows.BYTES_MAX;

  private static Window window(int version, int packedBytes) {
    return Window.newBuilder()
        .setModel(ModelRef.newBuilder().setModel("m").setVersion(version))
        .setWindow(9)
        .setStartMillis(900)
        .setEndMillis(1000)
        .setPredictions(7)
        .setPacked(ByteString.copyFrom(new byte[packedBytes]))
        .addAnomalies(Anomaly.newBuilder().setPredictionId("x".repeat(100)))
        .setCoMoments(CoMoments.newBuilder().setCount(1))
        .build();
  }

  private static Record record(Window window) {
    return Record.newBuilder().setWindow(window).build();
  }

  @Test
  void givesBackWhatStoodOpen() throws MalformedDocumentException {
    List<Window> open = List.of(window(1, 10), window(2, 20));

    byte[] bytes = OpenWindows.encode(open, ROOM).bytes();

    assertThat(OpenWindows.left(bytes, List.of())).isEqualTo(open);
    assertThat(OpenWindows.lengthMillis(open.getFirst())).isEqualTo(100);
  }

  @Test
  void whatARecordCountsIsNotLeft() throws MalformedDocumentException {
    byte[] bytes = OpenWindows.encode(List.of(window(1, 10), window(2, 20)), ROOM).bytes();

    assertThat(OpenWindows.left(bytes, List.of(record(window(1, 0)))))
        .containsExactly(window(2, 20));
  }

  @Test
  void leavesOutWhatExplainsAndThenTheLastOnes() throws MalformedDocumentException {
    List<Window> open = List.of(window(1, 300), window(2, 300), window(3, 300));

    OpenWindows.Encoded encoded = OpenWindows.encode(open, 800);

    assertThat(encoded.leftOut()).isEqualTo(1);
    assertThat(encoded.bytes()).hasSizeLessThanOrEqualTo(800);
    assertThat(OpenWindows.left(encoded.bytes(), List.of()))
        .extracting(window -> window.getModel().getVersion())
        .containsExactly(1L, 2L);
    assertThat(OpenWindows.left(encoded.bytes(), List.of()))
        .allSatisfy(window -> assertThat(window.hasCoMoments()).isFalse());
  }

  @Test
  void whatIsNoneIsRefused() {
    byte[] impossible =
        OpenWindows.encode(List.of(window(1, 0).toBuilder().setEndMillis(0).build()), ROOM).bytes();

    assertThatThrownBy(() -> OpenWindows.left(impossible, List.of()))
        .isInstanceOf(MalformedDocumentException.class);
    assertThatThrownBy(() -> OpenWindows.left(new byte[] {10, 120}, List.of()))
        .isInstanceOf(MalformedDocumentException.class);
  }
}
