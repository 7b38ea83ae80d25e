package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.google.gson.Gson;
import io.skerry.api.DriftDistance;
import io.skerry.api.DriftPoint;
import io.skerry.api.DriftStream;
import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.ingest.RecordStore;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A model that is counted in windows of another length than before. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TracksTest {
  private static final long MINUTE = Duration.ofMinutes(1).toMillis();
  private static final long HOUR = Duration.ofHours(1).toMillis();
  private static final Cohort SITE = Cohort.parse("site=a");

  private final TestPlane plane;
  private final DriftReports reports;
  private final Incidents incidents;
  private final long now = Instant.parse("2026-11-29T12:00:00Z").toEpochMilli();

  TracksTest(@TempDir Path folder) throws Exception {
    plane = TestPlane.start(folder.resolve("data"));
    reports = plane.bean(DriftReports.class);
    incidents = plane.bean(Incidents.class);
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void empty() {
    sql("truncate drift_track, drift_window cascade");
  }

  @Test
  void tellsOfTheWindowsThatWereJudgedLatestAfterALongerOneWasRolledOut() {
    judged("m", MINUTE, (now - 6 * HOUR) / MINUTE, 1);
    judged("m", HOUR, now / HOUR - 1, 2);

    assertThat(reports.history("main", "m", 0, "site=a", "f", "LOCATION", 200))
        .extracting(DriftPoint::effect)
        .containsExactly(2.);
    assertThat(reports.history("main", "m", MINUTE, "site=a", "f", "LOCATION", 200))
        .extracting(DriftPoint::effect)
        .containsExactly(1.);
    assertThat(reports.distances("main", "m", 0, Long.MAX_VALUE))
        .singleElement()
        .matches(one -> one.windowMillis() == HOUR && one.effect().psi() == 2);
    assertThat(reports.distances("main", "m", MINUTE, Long.MAX_VALUE))
        .extracting(DriftDistance::windowMillis)
        .containsExactly(MINUTE);
    assertThat(reports.furthest(10)).extracting(one -> one.effect().psi()).containsExactly(2.);
    assertThat(incidents.streams())
        .singleElement()
        .matches(one -> one.windowMillis() == HOUR && one.effect() == 2)
        .matches(one -> one.distance() != null && one.distance().psi() == 2);
    assertThat(incidents.streams("main", "m", MINUTE))
        .extracting(DriftStream::effect)
        .containsExactly(1.);
  }

  /** Of the other streams there may be 5 MB a window: whoever reads one of those fails here. */
  @Test
  void readsOfAWindowOnlyTheStreamThatIsAskedFor() {
    long last = now / HOUR - 1;
    for (int i = 3; i >= 0; i--) {
      judged("m", HOUR, last - i, i);
    }
    sql(
        """
        update drift_window set verdicts = verdicts
          || jsonb_set(jsonb_set(verdicts -> 0, '{stream,name}', '"g"'), '{devices}', '"many"')
          || jsonb_set(jsonb_set(verdicts -> 0, '{stream,kind}', '"SCALE"'), '{devices}', '"many"')
          || jsonb_set(jsonb_set(verdicts -> 0, '{cohort,terms,0,value}', '"b"'), '{devices}', '"many"')
        """);

    assertThat(reports.history("main", "m", 0, "site=a", "f", "LOCATION", 3))
        .extracting(DriftPoint::window, DriftPoint::effect)
        .containsExactly(tuple(last - 2, 2.), tuple(last - 1, 1.), tuple(last, 0.));
    assertThat(reports.history("main", "m", 0, "fleet", "f", "LOCATION", 3)).isEmpty();
  }

  @Test
  void tellsOfBothWhileDevicesCountInBoth() {
    judged("m", MINUTE, now / MINUTE - 2, 1);
    judged("m", HOUR, now / HOUR - 1, 2);

    assertThat(incidents.streams())
        .extracting(DriftStream::windowMillis)
        .containsExactlyInAnyOrder(MINUTE, HOUR);
  }

  /** However many others were judged between the two. */
  @Test
  void tellsNothingOfWhatIsCountedInOtherWindowsNow() {
    judged("m", MINUTE, (now - 6 * HOUR) / MINUTE, 1);
    judged("m", HOUR, now / HOUR - 1, 2);
    for (int i = 1; i < DriftStore.TRACKS_AT_ONCE_MAX; i++) {
      judged("between-" + i, HOUR, now / HOUR - 2, 1);
    }

    assertThat(incidents.streams()).hasSize(DriftStore.TRACKS_AT_ONCE_MAX);
    assertThat(incidents.tracksLeftOut()).isZero();
    assertThat(incidents.streams(DriftStore.TRACKS_AT_ONCE_MAX)).isEmpty();
  }

  @Test
  void tellsWhatItLeavesOutAndAPageLaterTellsThat() {
    int more = DriftStore.TRACKS_AT_ONCE_MAX + 7;
    for (int i = 0; i < more; i++) {
      judged("m-" + i, HOUR, now / HOUR - more + i, i);
    }

    assertThat(incidents.streams())
        .hasSize(DriftStore.TRACKS_AT_ONCE_MAX)
        .extracting(DriftStream::model)
        .contains("m-" + (more - 1))
        .doesNotContain("m-0");
    assertThat(incidents.tracksLeftOut()).isEqualTo(7);
    assertThat(incidents.streams(DriftStore.TRACKS_AT_ONCE_MAX)).hasSize(7);
    NullReplays replays = plane.bean(NullReplays.class);
    assertThat(replays.promises()).hasSize(DriftStore.TRACKS_AT_ONCE_MAX);
    assertThat(replays.promises(DriftStore.TRACKS_AT_ONCE_MAX)).hasSize(7);
    assertThat(replays.tracksLeftOut()).isEqualTo(7);
  }

  /** Minutes that are judged together are one window of a device. */
  @Test
  void countsWhatIsJudgedAgainByWindowsOfDevices() throws Exception {
    Track track = new Track("main", "stored", HOUR);
    judged("stored", HOUR, now / HOUR - 1, 1);
    sql("update drift_window set records = 60000");
    assertThat(deviceWindows(track)).isEqualTo(60_000);

    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, window_millis, start_at, end_at, predictions, predictions_failed, skipped,
          record, received_at)
        select 'cam-' || i, 1, n, 'main', 'stored', 1, '', ?, ?, now(), now(), 1, 0, 0, '', now()
        from generate_series(1, 2) i, generate_series(1, 15) n
        """,
        now / HOUR - 1,
        HOUR);

    assertThat(deviceWindows(track)).isEqualTo(60_000 / 15);
    sql("delete from telemetry_window");
  }

  private long deviceWindows(Track track) {
    long last = now / HOUR - 1;
    return plane
        .database()
        .<Long>call(transaction -> DriftStore.deviceWindows(transaction, track, last - 1, last));
  }

  @Test
  void keepsATrackThatAWindowIsBeingStoredOf() throws Exception {
    long window = Instant.now().toEpochMilli() / HOUR - 2;
    Record record =
        Record.newBuilder()
            .setSequence(1)
            .setWindow(
                Window.newBuilder()
                    .setModel(TestArtifacts.named(plane, "stored@1").toBuilder().setSlot("main"))
                    .setWindow(window)
                    .setStartMillis(window * HOUR)
                    .setEndMillis((window + 1) * HOUR)
                    .setPredictions(60))
            .build();
    sql("insert into telemetry_track values ('main', 'stored', ?)", HOUR);

    RecordStore.of(plane)
        .store(
            new DeviceId("cam-1"), 1, record, () -> plane.database().run(DriftStore::forgetTracks));

    assertThat(stored("telemetry_window")).isEqualTo(1);
    assertThat(stored("telemetry_track")).isEqualTo(1);
    sql("delete from telemetry_window");
    plane.database().run(DriftStore::forgetTracks);
    assertThat(stored("telemetry_track")).isZero();
  }

  private long stored(String table) {
    return plane
        .database()
        .<Long>call(
            transaction ->
                transaction.number(
                    "select count(*) from %s where model = 'stored'".formatted(table)));
  }

  private void judged(String model, long windowMillis, long window, double effect) {
    StreamVerdict verdict =
        new StreamVerdict(
            SITE, new Stream("f", Stream.Kind.LOCATION), 20, 40, effect, .1, .05, 1, 1, 10);
    String distances =
        "{\"site=a\": {\"f\": [20, 500, 500, %1$s, %1$s, %1$s, 0, 0, 0, 0, 0, 0, 0]}}"
            .formatted(effect);
    sql(
        """
        insert into drift_track (slot, model, window_millis, judged_through)
        values ('main', ?, ?, ?)
        on conflict (slot, model, window_millis)
          do update set judged_through = excluded.judged_through
        """,
        model,
        windowMillis,
        window);
    sql(
        """
        insert into drift_window (slot, model, window_millis, window_index, received_until, records,
          learning, judged, verdicts, distances)
        values ('main', ?, ?, ?, now(), 15, 0, 15, ?::jsonb, ?::jsonb)
        """,
        model,
        windowMillis,
        window,
        new Gson().toJson(List.of(verdict)),
        distances);
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
