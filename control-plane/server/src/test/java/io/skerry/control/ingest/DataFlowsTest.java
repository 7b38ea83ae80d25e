package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.DataFlow;
import io.skerry.api.RefusedSamples;
import io.skerry.control.sql.TestPlane;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What was expected of devices that were idle, merged windows, lost some or went away. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DataFlowsTest {
  private static final long MILLIS = 60_000;

  private final TestPlane plane;
  private final long now = Instant.now().toEpochMilli() / MILLIS;

  DataFlowsTest(@TempDir Path folder) throws IOException {
    plane = TestPlane.start(folder.resolve("data"));
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void expectsNoWindowThatNobodySent() {
    device("idle", true, 2, 2);
    window("idle", 1, now - 60, 1);
    window("idle", 2, now - 10, 1);

    DataFlow flow = flow("idle");

    assertThat(flow.received()).isEqualTo(2);
    assertThat(flow.expected()).isEqualTo(2);
  }

  @Test
  void countsEveryWindowThatCameInOne() {
    device("merged", true, 2, 2);
    window("merged", 1, now - 60, 1);
    window("merged", 2, now - 30, 30);

    DataFlow flow = flow("merged");

    assertThat(flow.received()).isEqualTo(31);
    assertThat(flow.expected()).isEqualTo(31);
  }

  @Test
  void expectsWhatIsKnownToBeAbsentAndWhatPassedSinceADeviceWentAway() {
    device("lossy", true, 5, 2);
    window("lossy", 1, now - 60, 1);
    window("lossy", 5, now - 10, 1);
    device("away", false, 1, 1);
    window("away", 1, now - 60, 1);

    assertThat(flow("lossy").expected()).isEqualTo(2 + 3);
    assertThat(flow("lossy").missing()).isEqualTo(3);
    assertThat(flow("away").expected()).isBetween(1 + 59L, 1 + 60L);
    assertThat(flow("away").received()).isEqualTo(1);
  }

  @Test
  void expectsWhatADeviceThatWentAwayLongAgoDidNotSend() {
    device("gone", false, 1, 1);
    window("gone", 1, now - 30 * 60, 1);

    DataFlow flow = flow("gone");

    assertThat(flow.received()).isZero();
    assertThat(flow.expected()).isEqualTo(6 * 60);
    assertThat(flow.lastAt()).isNotNull();
    assertThat(plane.bean(DataFlows.class).devices(Duration.ofHours(6)).getFirst().of())
        .isEqualTo("gone");
    assertThat(
            plane.bean(DataFlows.class).devices(Duration.ofDays(2)).stream()
                .filter(one -> one.of().equals("gone"))
                .findFirst()
                .orElseThrow()
                .expected())
        .isBetween(1 + 30 * 60 - 1L, 1 + 30 * 60L);
  }

  @Test
  void tellsOfVersionsThatRunOnDevicesOnlineAndSayNothing() {
    device("dumb", true, 1, 1);
    runs("dumb", "main");
    runs("dumb", "spare");
    window("dumb", 1, now - 5 * 60, 1);
    device("well", true, 1, 1);
    runs("well", "main");
    window("well", 1, now - 1, 1);
    device("off", false, 1, 1);
    runs("off", "main");

    assertThat(flow("dumb").silent()).isEqualTo(2);
    assertThat(flow("dumb").expected()).isEqualTo(1);
    assertThat(flow("well").silent()).isZero();
    assertThat(flow("off").silent()).isZero();
  }

  /** Its windows may be so much longer that none is among the newest records of the device. */
  @Test
  void callsNoVersionSilentWhoseWindowsAreNotLookedAt() {
    device("mixed", true, 40, 40);
    runs("mixed", "main");
    runs("mixed", "spare");
    for (int i = 0; i < 40; i++) {
      window("mixed", i + 1, now - 40 + i, 1);
    }

    assertThat(flow("mixed").silent()).isZero();
  }

  @Test
  void tellsWhichSamplesADeviceChoseAndDidNotKeep() {
    device("full", true, 3, 3);
    window("full", 1, now - 30, 1);
    window("full", 2, now - 20, 1);
    window("full", 3, now - 10, 1);
    refused("full", 2, "{\"base\": 4, \"anomaly\": 1}");
    refused("full", 3, "{\"base\": 2}");
    sql(
        """
        insert into telemetry_prediction (device, prediction_id, subject, slot, model, version, at,
          stratum, inclusion_probability)
        values ('full', 'p', '', 'main', 'm', 1, now(), 'base', .1)
        """);
    device("roomy", true, 1, 1);
    window("roomy", 1, now - 10, 1);

    assertThat(flow("full").samplesRefused()).isEqualTo(7);
    assertThat(flow("full").received()).isEqualTo(3);
    assertThat(flow("roomy").samplesRefused()).isZero();
    Refusals refusals = plane.bean(Refusals.class);
    assertThat(refusals.of("m", "", Duration.ofHours(6)))
        .containsExactly(
            new RefusedSamples("full", "m", 1, "base", 1, 6),
            new RefusedSamples("full", "m", 1, "anomaly", 0, 1));
    assertThat(refusals.of("m", "roomy", Duration.ofHours(6))).isEmpty();
    assertThat(refusals.ofModels(Duration.ofHours(6), 1))
        .containsExactly(new RefusedSamples("", "m", 1, "base", 1, 6));
  }

  @Test
  void tellsHowManyInputsOfADeviceAndACohortWereAnomalous() {
    for (String name : List.of("odd", "plain")) {
      device(name, true, 2, 2);
      sql("update device set labels = '{\"line\": \"7\"}' where id = ?", name);
      window(name, 1, now - 20, 1);
      window(name, 2, now - 10, 1);
    }
    sql("update telemetry_window set anomalous = 3 where device = 'odd' and sequence = 1");
    sql("update telemetry_window set anomalous = 4 where device = 'odd' and sequence = 2");

    assertThat(flow("odd").anomalous()).isEqualTo(7);
    assertThat(flow("odd").anomalousShare()).isEqualTo(.5);
    assertThat(flow("plain").anomalous()).isZero();
    assertThat(plane.bean(DataFlows.class).cohorts(Duration.ofHours(6)))
        .filteredOn(one -> one.of().equals("line=7"))
        .singleElement()
        .matches(one -> one.anomalous() == 7)
        .extracting(DataFlow::anomalousShare)
        .isEqualTo(.25);
  }

  private void runs(String device, String slot) {
    sql(
        """
        insert into device_slot_report (device, slot, revision, phase, running_model,
          running_version, predictions, predictions_failed)
        values (?, ?, 1, 'COMMITTED', 'm', 1, 0, 0)
        """,
        device,
        slot);
  }

  private void refused(String device, long sequence, String byStratum) {
    sql(
        "update telemetry_window set samples_refused = ?::jsonb where device = ? and sequence = ?",
        byStratum,
        device,
        sequence);
  }

  private DataFlow flow(String device) {
    return plane.bean(DataFlows.class).devices(Duration.ofHours(6)).stream()
        .filter(one -> one.of().equals(device))
        .findFirst()
        .orElseThrow();
  }

  private void device(String name, boolean online, long highest, long stored) {
    sql(
        "insert into device (id, tenant, labels, facts, enrolled_at) values (?, 'default', '{}', '{}', now())",
        name);
    sql("insert into device_presence (device, online, boot_epoch) values (?, ?, 1)", name, online);
    sql(
        """
        insert into ingest_ledger (device, boot_epoch, stream, through, beyond, highest, stored,
          duplicates) values (?, 1, 'windows', ?, '{}', ?, ?, 0)
        """,
        name,
        stored,
        highest,
        stored);
  }

  private void window(String device, long sequence, long index, long lengths) {
    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, window_millis, start_at, end_at, predictions, predictions_failed, skipped,
          record, received_at)
        values (?, 1, ?, 'main', 'm', 1, '', ?, ?, ?, ?, 7, 0, 0, '', now())
        """,
        device,
        sequence,
        index,
        MILLIS,
        Instant.ofEpochMilli((index + 1 - lengths) * MILLIS),
        Instant.ofEpochMilli((index + 1) * MILLIS));
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
