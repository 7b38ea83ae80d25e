package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.DataFlow;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.sql.TestPlane;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Short windows are told one by one, for the gates, and judged together, for drift. */
@Tag("slow")
class JudgedWindowsTest {
  private static final Duration QUARTER = Duration.ofMinutes(15);
  private static final long MINUTE = 60_000;
  private static final DeviceId DEVICE = new DeviceId("pump");

  private @TempDir Path folder;
  private TestPlane plane;
  private String manifest = "";
  private long sequence;

  @BeforeEach
  void start() throws IOException {
    plane = TestPlane.start(folder.resolve("data"));
    manifest = plane.bean(ArtifactStore.class).put(unmonitored()).toString();
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  "insert into device (id, tenant, labels, facts, enrolled_at)"
                      + " values ('pump', 'default', '{}', '{}', now())");
              transaction.update(
                  "insert into device_presence (device, online, boot_epoch) values ('pump', true, 1)");
            });
  }

  @AfterEach
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void countsMinutesTogetherByTheQuarterThatTheyEndIn() {
    long quarter = Instant.now().toEpochMilli() / QUARTER.toMillis() - 2;
    long first = quarter * 15;
    RecordStore store = RecordStore.judgingBy(plane, QUARTER);
    for (long minute = first; minute < first + 16; minute++) {
      store.store(DEVICE, 1, window(minute, MINUTE));
    }

    assertThat(spans())
        .containsExactly(
            "%d of %d: 15".formatted(quarter, QUARTER.toMillis()),
            "%d of %d: 1".formatted(quarter + 1, QUARTER.toMillis()));
    assertThat(texts("select window_millis::text as it from telemetry_track"))
        .containsExactly(Long.toString(QUARTER.toMillis()));
    assertThat(flow().received()).isEqualTo(16);
    assertThat(flow().expected()).isEqualTo(16);
  }

  @Test
  void judgesLongerWindowsOneByOne() {
    long hour = Duration.ofHours(1).toMillis();
    long index = Instant.now().toEpochMilli() / hour - 2;
    RecordStore.judgingBy(plane, QUARTER).store(DEVICE, 1, window(index, hour));

    assertThat(spans()).containsExactly("%d of %d: 1".formatted(index, hour));
  }

  @Test
  void judgesEachWindowWhereItIsToldTo() {
    long index = Instant.now().toEpochMilli() / MINUTE - 2;
    RecordStore.judgingBy(plane, Duration.ZERO).store(DEVICE, 1, window(index, MINUTE));

    assertThat(spans()).containsExactly("%d of %d: 1".formatted(index, MINUTE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"PT0.5S", "PT7M", "P2D"})
  void refusesSpansThatMakeNoDay(Duration span) {
    assertThatThrownBy(() -> RecordStore.judgingBy(plane, span))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "judged-window is %d ms: must be 0, or 1 s to 1 day and a whole part of a day"
                .formatted(span.toMillis()));
  }

  private static byte[] unmonitored() {
    Digest file = Digest.of(new byte[] {1});
    return new ArtifactManifest(
            ModelVersion.parse("m@1"),
            new ProfileId("x86-64-avx2"),
            Engine.ONNXRUNTIME,
            Precision.FP32,
            1,
            new ModelSignature(
                List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 2L))),
                List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))),
            List.of(new Layer(LayerType.MODEL_ONNX, "model.onnx", file, 1, List.of(file))))
        .toJson();
  }

  private Record window(long index, long millis) {
    return Record.newBuilder()
        .setSequence(++sequence)
        .setWindow(
            Window.newBuilder()
                .setModel(
                    ModelRef.newBuilder()
                        .setSlot("main")
                        .setModel("m")
                        .setVersion(1)
                        .setManifestDigest(manifest))
                .setWindow(index)
                .setStartMillis(index * millis)
                .setEndMillis((index + 1) * millis)
                .setPredictions(60))
        .build();
  }

  private List<String> spans() {
    return texts(
        """
        select window_index || ' of ' || window_millis || ': ' || count(*) as it
        from telemetry_window group by window_index, window_millis order by window_index
        """);
  }

  private List<String> texts(String sql) {
    return plane.database().call(transaction -> transaction.list(sql, row -> row.text("it")));
  }

  private DataFlow flow() {
    return plane.bean(DataFlows.class).devices(Duration.ofHours(6)).getFirst();
  }
}
