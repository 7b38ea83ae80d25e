package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class GenerationTermTest {
  private static final SlotId MAIN = new SlotId("main");
  private static final DeviceId DEVICE = new DeviceId("cam-1");
  private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");

  @TempDir static Path root;
  private static TestPlane plane;

  @BeforeAll
  static void start() throws IOException {
    plane = TestPlane.start(root);
  }

  @AfterAll
  static void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void clear() throws IOException {
    Files.deleteIfExists(root.resolve("term"));
    database()
        .run(
            transaction -> {
              transaction.update("delete from device");
              transaction.update("update desired_term set term = 1");
              transaction.update(
                  """
              insert into device (id, tenant, labels, facts, enrolled_at)
              values ('cam-1', 'default', '{}', '{}', now())
              """);
            });
  }

  @Test
  void beginsATermWithEveryStart() {
    assertThat(at(NOW).begin()).isEqualTo(NOW.getEpochSecond());
    assertThat(at(NOW.plusSeconds(60)).begin()).isEqualTo(NOW.getEpochSecond() + 60);
  }

  @Test
  void outranksWhatARestoredDatabaseHasForgotten() {
    at(NOW).begin();
    order("m@1");
    Generation saved = generation();
    order("m@2");
    order("m@3");
    Generation seen = generation();
    // The restored database is at the first order again, and its clock at the time of the backup.
    setGeneration(saved);
    setTerm(saved.term());

    at(NOW).begin();
    order("m@4");

    assertThat(generation()).isGreaterThan(seen);
  }

  @Test
  void staysAboveTheTermInTheDatabaseWhenTheClockWasSetBack() throws IOException {
    long before = at(NOW).begin();
    Files.delete(root.resolve("term"));

    assertThat(at(Instant.EPOCH).begin()).isEqualTo(before + 1);
  }

  @Test
  void staysAboveTheTermInTheFileWhenTheClockWasSetBackAndTheDatabaseRestored() {
    long before = at(NOW).begin();
    setTerm(1);

    assertThat(at(Instant.EPOCH).begin()).isEqualTo(before + 1);
  }

  @Test
  void saysWhatToDoAboutADamagedFile() throws IOException {
    Files.writeString(root.resolve("term"), "half a num");

    assertThatThrownBy(() -> at(NOW).begin())
        .isInstanceOf(StartException.class)
        .hasMessageContaining("delete the file");
  }

  @Test
  void issuesAgainAboveWhatADeviceHasObserved() {
    long term = at(NOW).begin();
    order("m@1");
    report(new Generation(term + 9, 57), 7);

    assertThat(at(NOW).outrank()).isEqualTo(1);

    assertThat(generation()).isEqualTo(new Generation(term + 10, 1));
    assertThat(revision()).isEqualTo(8);
    assertThat(read("desired_outbox")).isEqualTo(generation());
    assertThat(at(NOW).outrank()).isZero();
  }

  @Test
  void keepsLaterOrdersAboveADeviceThatWasOutranked() {
    long term = at(NOW).begin();
    order("m@1");
    report(new Generation(term + 9, 57), 7);
    at(NOW).outrank();

    order("m@2");

    assertThat(generation()).isEqualTo(new Generation(term + 10, 2));
  }

  @Test
  void ordersASlotAboveTheRevisionThatItsDeviceReported() {
    at(NOW).begin();
    report(Generation.NONE, 7);

    order("m@1");

    assertThat(revision()).isEqualTo(8);
  }

  @Test
  void leavesADeviceAloneThatHasSeenItsOrder() {
    at(NOW).begin();
    order("m@1");
    report(generation(), 1);

    assertThat(at(NOW).outrank()).isZero();
    assertThat(generation().counter()).isEqualTo(1);
  }

  @Test
  void doesNotFollowADeviceThatClaimsAnythingAtAll() {
    long term = at(NOW).begin();
    order("m@1");
    report(new Generation(Long.MAX_VALUE, 1), 1);

    assertThat(at(NOW).outrank()).isZero();

    assertThat(generation()).isEqualTo(new Generation(term, 1));
    database()
        .run(
            transaction ->
                assertThat(
                        transaction.first(
                            "select term from desired_term", row -> row.bigint("term")))
                    .hasValue(term));
  }

  private GenerationTerm at(Instant time) {
    return new GenerationTerm(
        database(), plane.bean(DataFolder.class), plane.bean(OutboxSignal.class), () -> time);
  }

  private void order(String version) {
    database()
        .run(
            transaction ->
                plane
                    .bean(DesiredService.class)
                    .order(
                        transaction,
                        List.of(DEVICE),
                        MAIN,
                        new SlotOrder(
                            ModelVersion.parse(version),
                            Digest.of(new byte[] {1}),
                            Digest.of(new byte[] {2}),
                            Optional.empty(),
                            new SamplingRates(0.1, 1),
                            Duration.ofSeconds(5),
                            20,
                            Duration.ofSeconds(30))));
  }

  private static Database database() {
    return plane.database();
  }

  private Generation generation() {
    return read("desired");
  }

  private Generation read(String table) {
    Optional<Generation> read =
        database()
            .call(
                transaction ->
                    transaction.first(
                        "select term, counter from " + table,
                        row -> new Generation(row.bigint("term"), row.bigint("counter"))));
    return read.orElseThrow();
  }

  private long revision() {
    return database()
        .call(
            transaction ->
                transaction.first(
                    "select revision from desired_slot", row -> row.bigint("revision")))
        .orElseThrow();
  }

  private void setGeneration(Generation generation) {
    database()
        .run(
            transaction ->
                transaction.update(
                    "update desired set term = ?, counter = ?",
                    generation.term(),
                    generation.counter()));
  }

  private void setTerm(long term) {
    database().run(transaction -> transaction.update("update desired_term set term = ?", term));
  }

  private void report(Generation observed, long revision) {
    database()
        .run(
            transaction -> {
              transaction.update(
                  """
              insert into device_report (device, boot_epoch, sequence, observed_term,
                observed_counter, agent_version, dropped)
              values ('cam-1', 1, 1, ?, ?, 'test', 0)
              """,
                  observed.term(),
                  observed.counter());
              transaction.update(
                  """
              insert into device_slot_report (device, slot, revision, phase, predictions,
                predictions_failed)
              values ('cam-1', 'main', ?, 'COMMITTED', 0, 0)
              """,
                  revision);
            });
  }
}
