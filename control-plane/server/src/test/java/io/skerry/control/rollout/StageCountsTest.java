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

  @Test
  void nobodyWaitsForTheCountOfDevicesThatAreAway() {
    RolloutId rollout = new RolloutId(rollout(2));
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
      List<String> free =
          database.call(
              transaction ->
                  transaction.list(
                      "select id from rollout where id = ? for update skip locked",
                      row -> row.text("id"),
                      rollout.value()));
      assertThat(free).isEqualTo(Collections.singletonList(rollout.value()));
    } finally {
      over.countDown();
      counted.join();
    }
  }

  private static void awaited(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
