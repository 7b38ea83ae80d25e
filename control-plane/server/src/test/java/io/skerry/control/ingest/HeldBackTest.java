package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Sample;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class HeldBackTest {
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("cam-1");
  private static final Duration WITHIN = Duration.ofSeconds(20);
  private static final Duration POLL = Duration.ofMillis(20);

  /** What cannot be sealed now is neither lost nor in the way. */
  @Test
  void leavesOnTheDeviceWhatCannotBeSealedUntilTheKeyIsBack(@TempDir Path folder) throws Exception {
    Path key = Files.createDirectories(folder.resolve("keys")).resolve("samples-default.key");
    Files.writeString(key, "no key at all");
    try (TestPlane plane = TestPlane.start(folder)) {
      sql(
          plane,
          "insert into device (id, tenant, labels, facts, profile, enrolled_at)"
              + " values ('cam-1', 'default', '{}', '{}', null, now())");

      List<CommittedRange> committed =
          store(plane, samples(plane, 1), outcomes(1, "anna"), outcomes(2, ""), events(1));

      assertThat(committed)
          .extracting(CommittedRange::stream)
          .contains(RecordStream.EVENTS)
          .doesNotContain(RecordStream.SAMPLES);
      assertThat(count(plane, "select count(*) from telemetry_sample")).isZero();
      assertThat(count(plane, "select count(*) from telemetry_feedback")).isEqualTo(1);
      assertThat(count(plane, "select count(*) from telemetry_quarantine")).isZero();
      assertThat(plane.bean(TelemetryCounts.class).now().heldBack()).isEqualTo(2);
      until(plane, "select count(*) from alert where kind = 'key.unreadable'", 1);
      assertThatThrownBy(() -> plane.bean(TenantKeys.class).pseudonym(TENANT, "anna"))
          .hasMessageContaining("put the right one back");

      Files.writeString(key, "ab".repeat(32));
      List<CommittedRange> again = store(plane, samples(plane, 1), outcomes(1, "anna"));

      assertThat(again)
          .extracting(CommittedRange::stream)
          .contains(RecordStream.SAMPLES, RecordStream.FEEDBACK);
      assertThat(count(plane, "select count(*) from telemetry_sample")).isEqualTo(1);
      assertThat(count(plane, "select count(*) from telemetry_feedback")).isEqualTo(2);
      until(
          plane,
          "select count(*) from alert where kind = 'key.unreadable' and resolved_at is not null",
          1);
    }
  }

  /** Nobody has to send anything for the operator to see that a key is still away, or back. */
  @Test
  void tellsAgainWhileAKeyIsUnreadableAndByItselfWhenItIsBack(@TempDir Path folder)
      throws Exception {
    Path key = Files.createDirectories(folder.resolve("keys")).resolve("samples-default.key");
    Files.writeString(key, "no key at all");
    try (TestPlane plane = TestPlane.start(folder)) {
      HeldBack held = plane.bean(HeldBack.class);
      sql(
          plane,
          "insert into device (id, tenant, labels, facts, profile, enrolled_at)"
              + " values ('cam-1', 'default', '{}', '{}', null, now())");
      store(plane, samples(plane, 1));

      List<TenantId> told = held.remind();
      Files.writeString(key, "ab".repeat(32));
      List<TenantId> toldAgain = held.remind();

      assertThat(told).containsExactly(TENANT);
      assertThat(toldAgain).isEmpty();
      until(
          plane,
          "select count(*) from alert where kind = 'key.unreadable' and resolved_at is not null",
          1);
    }
  }

  private static List<CommittedRange> store(TestPlane plane, InboundMessage... messages) {
    return plane
        .database()
        .call(transaction -> plane.bean(BatchStore.class).store(transaction, List.of(messages)))
        .committed()
        .values()
        .stream()
        .flatMap(Collection::stream)
        .toList();
  }

  private static InboundMessage samples(TestPlane plane, long sequence) {
    NamedTensor tensor = NamedTensor.newBuilder().setName("x").setDatatype("FP32").build();
    return message(
        "samples",
        Record.newBuilder()
            .setSequence(sequence)
            .setAtMillis(1_700_000_000_000L)
            .setSample(
                Sample.newBuilder()
                    .setPredictionId("p-" + sequence)
                    .setModel(TestArtifacts.named(plane, "model@1"))
                    .setInclusionProbability(0.5)
                    .setStratum("base")
                    .addInputs(tensor)
                    .addOutputs(tensor)));
  }

  private static InboundMessage outcomes(long sequence, String client) {
    return message(
        "feedback",
        Record.newBuilder()
            .setSequence(sequence)
            .setFeedback(
                Feedback.newBuilder()
                    .setPredictionId("o-" + sequence)
                    .setClientId(client)
                    .setActual(1)));
  }

  private static InboundMessage events(long sequence) {
    return message(
        "events",
        Record.newBuilder()
            .setSequence(sequence)
            .setAtMillis(1_700_000_000_000L)
            .setEvent(Event.newBuilder().setCode("STARTED")));
  }

  private static InboundMessage message(String stream, Record.Builder record) {
    return new InboundMessage(
        new Topics.DeviceTopic(TENANT, DEVICE, stream),
        RecordBatch.newBuilder().setBootEpoch(1).addRecords(record).build().toByteString(),
        () -> false,
        () -> {});
  }

  private static long count(TestPlane plane, String query) {
    return plane.database().<Long>call(transaction -> transaction.number(query));
  }

  private static void sql(TestPlane plane, String statement) {
    plane.database().run(transaction -> transaction.update(statement));
  }

  private static void until(TestPlane plane, String query, long wanted) throws Exception {
    Instant end = Instant.now().plus(WITHIN);
    while (count(plane, query) != wanted && Instant.now().isBefore(end)) {
      Thread.sleep(POLL);
    }
    assertThat(count(plane, query)).isEqualTo(wanted);
  }
}
