package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.protocol.RolloutId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Devices that report while their orders change. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReportRacesTest {
  private static final String DEVICE = X86 + "-00";

  private final RolloutFleet fleet;

  ReportRacesTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime"));
    fleet.version(2, Map.of(X86, "onnxruntime"));
    fleet.enrol(1, X86);
  }

  private String begin(long version) {
    String id =
        fleet
            .create(
                "{\"model\": \"tested\", \"version\": %d, \"stages\": [{\"percent\": 100}]}"
                    .formatted(version))
            .id();
    fleet.look();
    return id;
  }

  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final String WAITING_FOR_THIS =
      """
      select count(*) from pg_stat_activity
      where datname = current_database() and pg_backend_pid() = any(pg_blocking_pids(pid))
      """;

  // The first stays open until the second waits for it.
  private void during(Consumer<Transaction> first, Runnable second) throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Future<?> open =
          threads.submit(
              () ->
                  fleet
                      .plane
                      .database()
                      .run(
                          transaction -> {
                            first.accept(transaction);
                            begun.countDown();
                            long from = System.nanoTime();
                            while (transaction.number(WAITING_FOR_THIS) == 0) {
                              if (System.nanoTime() - from > PATIENCE.toNanos()) {
                                throw new IllegalStateException("the second does not wait");
                              }
                              Thread.onSpinWait();
                            }
                          }));
      begun.await();
      second.run();
      open.get();
    }
  }

  private void restore(Transaction transaction, String rollout) {
    RolloutTables.Stored stored =
        RolloutTables.lock(transaction, new RolloutId(rollout)).orElseThrow();
    fleet
        .plane
        .bean(Deployments.class)
        .carryOut(transaction, stored.order(), new RolloutEffect.RestoreTouched(), fleet.now());
  }

  @Test
  void whatADeviceSaysOfTheVersionThatIsTakenBackDoesNotProveTheOneBefore() throws Exception {
    fleet.report(begin(1), "COMMITTED");
    String id = begin(2);
    fleet.report(id, "COMMITTED");

    during(transaction -> restore(transaction, id), () -> fleet.follow(DEVICE));

    assertThat(fleet.ordered()).containsEntry(DEVICE, RolloutFleet.manifest(1, X86));
    assertThat(fleet.states(id)).containsEntry(DEVICE, "RESTORING");
    fleet.report(id, "COMMITTED");
    assertThat(fleet.states(id)).containsEntry(DEVICE, "RESTORED");
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void aReportOfADeviceThatWaitsForItsOrderDoesNotWaitForTheEngine() throws Exception {
    fleet.online(DEVICE, false);
    String id = begin(1);
    assertThat(fleet.states(id)).containsEntry(DEVICE, "PENDING");

    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      fleet
          .plane
          .database()
          .run(
              transaction -> {
                transaction.list(
                    "select device from deployment order by rank for update",
                    row -> row.text("device"));
                Future<?> report = threads.submit(() -> fleet.follow(DEVICE));
                assertThat(report).succeedsWithin(PATIENCE);
              });
    }
  }

  @Test
  void anAbortLeavesItsOrderToWhoSaysJustThenThatItSwitches() throws Exception {
    String id = begin(1);
    fleet.report(id, "STAGED");

    during(
        transaction -> fleet.report(transaction, id, "ACTIVATING", List.of(DEVICE)),
        () -> fleet.act(id, RolloutAct.ABORT));

    assertThat(fleet.states(id)).containsEntry(DEVICE, "ACTIVATING");
    assertThat(fleet.ordered()).containsEntry(DEVICE, RolloutFleet.manifest(1, X86));
  }

  @Test
  void anAbortTakesTheOrderBackFromWhoSaysJustThenThatItFailed() throws Exception {
    String id = begin(1);
    fleet.report(id, "STAGED");
    fleet.sql("update device_slot_report set running_manifest = null");

    during(
        transaction -> fleet.report(transaction, id, "FAILED", List.of(DEVICE)),
        () -> fleet.act(id, RolloutAct.ABORT));

    assertThat(fleet.states(id)).containsEntry(DEVICE, "FAILED");
    assertThat(fleet.ordered()).doesNotContainKey(DEVICE);
  }

  /** Neither the row of a stage that just opens nor who stores the death sees the other. */
  @Test
  void whoGoesWhileItsStageOpensIsNotHeldLate() {
    String id = begin(1);
    fleet.sql("update device_presence set online = false");

    fleet.pass(Duration.ofMinutes(7));

    assertThat(fleet.states(id)).containsEntry(DEVICE, "OFFERED");
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void whoComesWhileItsStageOpensIsOrderedAllTheSame() {
    fleet.online(DEVICE, false);
    String id = begin(1);
    fleet.sql("update device_presence set online = true");
    assertThat(fleet.states(id)).containsEntry(DEVICE, "PENDING");

    fleet.pass(Duration.ofMinutes(2));

    assertThat(fleet.states(id)).containsEntry(DEVICE, "OFFERED");
    assertThat(fleet.wrongCounts(id)).isZero();
  }
}
