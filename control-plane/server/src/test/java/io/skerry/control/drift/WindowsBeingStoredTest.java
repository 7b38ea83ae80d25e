package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.ingest.Receiving;
import io.skerry.control.ingest.RecordStore;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Windows that are judged while ingest stores more of them. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WindowsBeingStoredTest {
  private static final long MINUTE = Duration.ofMinutes(1).toMillis();
  private static final long HOUR = Duration.ofHours(1).toMillis();

  private final TestPlane plane;
  private final DriftService service;
  private final RecordStore records;
  private final ModelRef model;
  private final long first = Instant.now().toEpochMilli() / HOUR - 100;

  WindowsBeingStoredTest(@TempDir Path folder) throws Exception {
    plane = TestPlane.start(folder.resolve("data"));
    service = plane.bean(DriftService.class);
    records = RecordStore.of(plane);
    model = TestArtifacts.named(plane, "stored@1");
    for (String device : new String[] {"cam-1", "cam-2"}) {
      sql(
          "insert into device (id, tenant, labels, facts, enrolled_at)"
              + " values (?, 'default', '{}', '{}', now())",
          device);
    }
    sql("update device_attributes set since = since - interval '1 day'");
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void empty() {
    sql("truncate telemetry_window, telemetry_track, drift_track, drift_window cascade");
  }

  @Test
  void hearsWhatWasReceivedBeforeAWindowWasJudgedAndSeenAfterwards() {
    store("cam-1", first, () -> {});
    settle();
    store(
        "cam-2",
        first,
        () -> {
          waitUntilReceivedAWhileAgo();
          service.judgeDue();
        });
    assertThat(judged("records")).isEqualTo(1);
    store("cam-1", first + 1, () -> {});
    sql(
        "update telemetry_window set received_at = now() - interval '1 day' where window_index > ?",
        first);

    service.judgeDue();

    assertThat(judged("records")).isEqualTo(2);
    assertThat(judged("late")).isEqualTo(1);
  }

  // As the transaction itself sees what it stored.
  private void waitUntilReceivedAWhileAgo() {
    long until = databaseMillis() + 1000;
    while (databaseMillis() < until) {
      Thread.onSpinWait();
    }
  }

  private long databaseMillis() {
    return plane.database().<Long>call(transaction -> DriftStore.now(transaction).toEpochMilli());
  }

  @Test
  void leavesAWindowUntilSomethingOfItCanBeRead() {
    store("cam-1", first, () -> {});
    sql("update telemetry_window set received_at = now() + interval '1 hour'");
    service.judgeDue();
    assertThat(judged("1")).isZero();

    settle();
    service.judgeDue();

    assertThat(judged("records")).isEqualTo(1);
  }

  @Test
  void waitsForWhoBeganToStoreInTimeButNotForGood() {
    long wait = Math.max(plane.bean(IngestConfig.class).windowsWait().toMillis(), MINUTE / 4);
    long justDue = (Instant.now().toEpochMilli() - 2000 - wait) / MINUTE - 1;
    store("cam-1", justDue, MINUTE, () -> {});
    settle();

    records.whileStoringSince(Receiving.HELD_MAX.minusMinutes(1), service::judgeDue);
    assertThat(judged("records")).isZero();

    records.whileStoringSince(Receiving.HELD_MAX.plusMinutes(1), service::judgeDue);
    assertThat(judged("records")).isEqualTo(1);
  }

  /** Hours that nobody heard them come device after device. */
  @Test
  void waitsUntilDevicesThatComeBackHaveToldOfAll() {
    AtomicLong nanos = new AtomicLong();
    DriftService patient = service(nanos::get);
    storeOf("cam-1", Backlogs.WINDOWS_MIN);
    comeJustNow();
    patient.tick();
    assertThat(judged("1")).isZero();
    storeOf("cam-2", Backlogs.WINDOWS_MIN);
    comeJustNow();
    patient.tick();
    assertThat(judged("1")).isZero();

    settle();
    patient.tick();

    assertThat(judged("1")).isEqualTo(Backlogs.WINDOWS_MIN);
    assertThat(judged("records")).isEqualTo(2 * Backlogs.WINDOWS_MIN);
    assertThat(judged("late")).isZero();
  }

  @Test
  void waitsNoLongerThanTenMinutes() {
    AtomicLong nanos = new AtomicLong();
    DriftService patient = service(nanos::get);
    storeOf("cam-1", Backlogs.WINDOWS_MIN);
    comeJustNow();
    patient.tick();
    assertThat(judged("1")).isZero();

    nanos.addAndGet(Duration.ofMinutes(10).toNanos());
    patient.tick();

    assertThat(judged("1")).isEqualTo(Backlogs.WINDOWS_MIN);
  }

  @Test
  void judgesFewWindowsAtOnce() {
    DriftService patient = service(System::nanoTime);
    storeOf("cam-1", Backlogs.WINDOWS_MIN - 1);
    comeJustNow();

    patient.tick();

    assertThat(judged("1")).isEqualTo(Backlogs.WINDOWS_MIN - 1);
  }

  private void storeOf(String device, int windows) {
    for (int window = 0; window < windows; window++) {
      store(device, first + window, () -> {});
    }
  }

  // Long enough ago to be read, and not so long that nothing more would come.
  private void comeJustNow() {
    sql("update telemetry_window set received_at = now() - interval '3 seconds'");
  }

  private DriftService service(LongSupplier nanoTime) {
    return new DriftService(
        plane.database(),
        plane.bean(Monitoring.class),
        plane.bean(Incidents.class),
        plane.bean(WindowLayouts.class),
        plane.bean(IngestConfig.class),
        plane.publisher(IncidentOpened.class),
        plane.publisher(HarmConfirmed.class),
        plane.publisher(IncidentResolved.class),
        nanoTime);
  }

  private void settle() {
    sql("update telemetry_window set received_at = now() - interval '1 hour'");
  }

  private void store(String device, long window, Runnable before) {
    store(device, window, HOUR, before);
  }

  private void store(String device, long window, long windowMillis, Runnable before) {
    records.store(
        new DeviceId(device),
        1,
        Record.newBuilder()
            .setSequence(1 + window)
            .setWindow(
                Window.newBuilder()
                    .setModel(model)
                    .setWindow(window)
                    .setStartMillis(window * windowMillis)
                    .setEndMillis((window + 1) * windowMillis)
                    .setPredictions(60))
            .build(),
        before);
  }

  private long judged(String counted) {
    return plane
        .database()
        .<Long>call(
            transaction ->
                transaction.number(
                    "select coalesce(sum(%s), 0)::bigint from drift_window".formatted(counted)));
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
