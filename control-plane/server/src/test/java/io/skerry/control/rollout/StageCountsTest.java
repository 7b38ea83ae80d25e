package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ARM;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.sql.Database;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.protocol.RolloutId;
import io.skerry.telemetry.sketch.WindowSketch;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a stage is judged by is read of each profile, and in nobody's way. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StageCountsTest {
  private static final int DEVICES = 3;
  private static final int WINDOWS_MANY = 2500;
  private static final int WINDOWS_FEW = 40;

  private final RolloutFleet fleet;

  StageCountsTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @BeforeEach
  void runsTheFirstVersion() {
    fleet.empty();
    fleet.sql("truncate telemetry_window_stream");
    for (long version = 1; version <= 3; version++) {
      fleet.version(version, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    }
    fleet.enrol(DEVICES, X86);
    fleet.enrol(DEVICES, ARM);
    String first = rollout(1);
    fleet.look();
    fleet.report(first, "COMMITTED");
    fleet.act(first, RolloutAct.ABORT);
    fleet.look();
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  private String rollout(long version) {
    return fleet
        .create(
            """
            {"model": "tested", "version": %d, "slot": "main", "stages": [{"percent": 100}]}
            """
                .formatted(version))
        .id();
  }

  // Devices of a profile send so many windows each, all of one latency.
  private void sent(String profile, long from, int windows, int bin) {
    String counts =
        IntStream.range(0, WindowSketch.LATENCY_BINS)
            .mapToObj(at -> at == bin ? "1000" : "0")
            .collect(Collectors.joining(",", "{", "}"));
    fleet.sql(
        """
        insert into telemetry_window_stream (device, boot_epoch, sequence, slot, model, version,
          window_index, stream, counts, fold)
        select device.id, 1, n, 'main', 'tested', 1, ? + n, '$latency', ?::bigint[], 1
        from device, generate_series(1, ?) as n where device.profile = ?
        """,
        from,
        counts,
        windows,
        profile);
  }

  private List<String> edges(String profile, String rollout) {
    return fleet
        .texts(
            """
            select edge.key as name, edge.value as text
            from rollout_stage, jsonb_each_text(edges) as edge where rollout = ? and stage = 0
            """,
            rollout)
        .entrySet()
        .stream()
        .filter(edge -> edge.getKey().contains(profile))
        .map(Map.Entry::toString)
        .toList();
  }

  @Test
  void whatIsSlowOnAProfileIsToldByItsOwnWindowsHoweverManyOthersThereAre() {
    sent(ARM, 0, WINDOWS_FEW, 7);
    String alone = rollout(2);
    fleet.act(alone, RolloutAct.ABORT);
    fleet.look();
    sent(X86, WINDOWS_FEW, WINDOWS_MANY, 12);

    String beside = rollout(3);

    assertThat(edges(ARM, beside)).isEqualTo(edges(ARM, alone)).isNotEmpty();
    assertThat(edges(X86, beside)).isNotEqualTo(edges(X86, alone));
  }

  /** A device that runs the version for an hour may have sent others for months. */
  @Test
  void whatIsOlderThanManyOtherCountsIsNotLookedFor() {
    String without = rollout(2);
    fleet.act(without, RolloutAct.ABORT);
    fleet.look();
    sent(X86, 0, WINDOWS_FEW, 12);
    fleet.sql(
        """
        insert into telemetry_window_stream (device, boot_epoch, sequence, slot, model, version,
          window_index, stream, counts, fold)
        select device.id, 2, n, 'main', 'another', 1, n, '$latency', '{}', 0
        from device, generate_series(1, ?) as n where device.profile = ?
        """,
        Arms.HISTORY_STREAMS * (2000 / DEVICES),
        X86);

    String with = rollout(3);

    assertThat(edges(X86, with)).isEqualTo(edges(X86, without));
  }

  @Test
  void nobodyWaitsForTheCountOfDevicesThatAreAway() {
    RolloutId rollout = new RolloutId(rollout(2));
    whileCounted(
        rollout,
        database ->
            assertThat(
                    database.<List<String>>call(
                        transaction ->
                            transaction.list(
                                "select id from rollout where id = ? for update skip locked",
                                row -> row.text("id"),
                                rollout.value())))
                .isEqualTo(Collections.singletonList(rollout.value())));
  }

  /** What was counted belongs to what the stage was before. */
  @Test
  void forgetsACountOfAStageThatWasBegunAnewMeanwhile() {
    RolloutId rollout = new RolloutId(rollout(2));
    String begunAnew = "update rollout set stage_opened_at = now() where id = ?";

    boolean isNews =
        whileCounted(
            rollout,
            database ->
                database.run(transaction -> transaction.update(begunAnew, rollout.value())));

    assertThat(isNews).isFalse();
    assertThat(whileCounted(rollout, database -> {})).isTrue();
  }

  private boolean whileCounted(RolloutId rollout, Consumer<Database> act) {
    SqlBooks books = fleet.plane.bean(SqlBooks.class);
    Lease lease = books.lease(rollout, "counts", fleet.now().plus(Lease.LENGTH)).orElseThrow();
    Database database = fleet.plane.database();
    CountDownLatch over = new CountDownLatch(1);
    CompletableFuture<Void> taken = new CompletableFuture<>();
    Thread.startVirtualThread(
        () ->
            database.run(
                transaction -> {
                  transaction.update("lock table device_presence in access exclusive mode");
                  taken.complete(null);
                  awaited(over);
                }));
    taken.join();
    CompletableFuture<Boolean> counted =
        CompletableFuture.supplyAsync(() -> books.countLost(lease), Thread::startVirtualThread);
    while (fleet.number(
            """
            select count(*) from pg_locks
            where not granted and relation = 'device_presence'::regclass
            """)
        == 0) {
      Thread.onSpinWait();
    }

    try {
      act.accept(database);
    } finally {
      over.countDown();
    }
    return counted.join();
  }

  private static void awaited(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
