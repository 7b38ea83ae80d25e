package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Window;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A device that invents slots and lengths of windows. */
@Tag("slow")
class TracksBoundTest {
  private static final long HOUR = Duration.ofHours(1).toMillis();

  private long sequence;

  @Test
  void judgesNoMoreTracksOfAModelThanABoundAndWhatWasOrdered(@TempDir Path folder)
      throws Exception {
    try (TestPlane plane = TestPlane.start(folder.resolve("data"))) {
      sql(
          plane,
          "insert into device (id, tenant, labels, facts, enrolled_at)"
              + " values ('cam-1', 'default', '{}', '{}', now())");
      ModelRef model = TestArtifacts.named(plane, "m@1");
      sql(
          plane,
          """
          insert into desired_slot (device, slot, revision, model, version, manifest, signature,
            sampling_base, sampling_notable, window_millis, probation_predictions, probation_millis)
          values ('cam-1', 'ordered', 1, 'm', 1, '', '', 0, 0, %d, 1, 1)
          """
              .formatted(5 * HOUR));
      int invented = Tracks.FREE_MAX + 30;
      RecordBatch.Builder batch = RecordBatch.newBuilder().setBootEpoch(1);
      for (int i = 0; i < invented; i++) {
        batch.addRecords(window(model, i % 2 == 0 ? "main" : "invented-" + i, HOUR + i));
      }
      batch.addRecords(window(model, "ordered", 5 * HOUR));
      batch.addRecords(window(model, "ordered", 6 * HOUR));
      batch.addRecords(window(model, "main", HOUR));

      store(plane, batch.build());
      store(plane, batch.setBootEpoch(2).build());

      assertThat(count(plane, "select count(*) from telemetry_track"))
          .isEqualTo(Tracks.FREE_MAX + 1);
      assertThat(count(plane, "select count(*) from telemetry_window where slot = 'ordered'"))
          .isEqualTo(2);
      assertThat(count(plane, "select count(*) from telemetry_window"))
          .isEqualTo(2 * (Tracks.FREE_MAX + 2));
      assertThat(
              count(
                  plane,
                  """
                  select count(*) from telemetry_quarantine
                  where reason like 'windows of %% ms of m in slot %% are judged nowhere%%'
                  """
                      .formatted()))
          .isEqualTo(2 * BatchStore.SET_ASIDE_MAX);
    }
  }

  private Record window(ModelRef model, String slot, long millis) {
    long index = Instant.now().toEpochMilli() / millis - 2;
    return Record.newBuilder()
        .setSequence(++sequence)
        .setWindow(
            Window.newBuilder()
                .setModel(model.toBuilder().setSlot(slot))
                .setWindow(index)
                .setStartMillis(index * millis)
                .setEndMillis((index + 1) * millis)
                .setPredictions(60))
        .build();
  }

  private static void store(TestPlane plane, RecordBatch batch) {
    InboundMessage message =
        new InboundMessage(
            new Topics.DeviceTopic(new TenantId("default"), new DeviceId("cam-1"), "windows"),
            batch.toByteString(),
            () -> false,
            () -> {});
    plane
        .database()
        .run(transaction -> plane.bean(BatchStore.class).store(transaction, List.of(message)));
  }

  private static long count(TestPlane plane, String query) {
    return plane.database().<Long>call(transaction -> transaction.number(query));
  }

  private static void sql(TestPlane plane, String statement) {
    plane.database().run(transaction -> transaction.update(statement));
  }
}
