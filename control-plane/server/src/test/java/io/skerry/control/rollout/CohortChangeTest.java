package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.device.DeviceReports;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.CohortName;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.TenantId;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A cohort changes while a batch of reports changes what its devices are. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CohortChangeTest {
  private static final List<String> DEVICES = List.of("a", "b", "c", "d", "e", "f", "g", "h", "i");

  private final RolloutFleet fleet;

  CohortChangeTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  // Both wait for a device in the middle, and have what comes before it in the order of each.
  @Test
  @Timeout(60)
  void waitsForABulkChangeOfFactsAndNeverInACircle() throws Exception {
    fleet.empty();
    fleet.cohort("old");
    // Rows lie in the other order than names, so that a scan comes from the other end.
    for (String device : DEVICES.reversed()) {
      fleet.enrol(device, RolloutFleet.X86, "onnxruntime/cpu");
      fleet.label(device, "new");
    }
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    AtomicInteger attempts = new AtomicInteger();
    try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
      Future<?> holder =
          threads.submit(
              () ->
                  run(
                      transaction -> {
                        transaction.number(
                            """
                            select count(*) from (
                              select from device where id = 'e' for no key update) held
                            """);
                        held.countDown();
                        await(go);
                      }));
      await(held);
      Future<?> reports =
          threads.submit(
              () ->
                  run(
                      transaction -> {
                        attempts.incrementAndGet();
                        // As for a few devices of a large fleet: one by one, by their names.
                        for (String other : List.of("hashjoin", "mergejoin", "seqscan")) {
                          transaction.update("set local enable_" + other + " = off");
                        }
                        fleet
                            .plane
                            .bean(DeviceReports.class)
                            .store(
                                transaction,
                                DEVICES.stream().map(CohortChangeTest::report).toList());
                      }));
      untilWaiting(1);
      Future<?> cohort =
          threads.submit(
              () ->
                  run(
                      transaction -> {
                        attempts.incrementAndGet();
                        CohortController.describedAnew(
                            transaction, new CohortName("old"), "{\"new\": \"yes\"}");
                      }));
      untilWaiting(2);
      go.countDown();

      holder.get();
      reports.get();
      cohort.get();
    }
    assertThat(attempts).as("none was broken off and tried again").hasValue(2);
    assertThat(
            fleet.number(
                """
                select count(*) from device
                where facts->>'arch' = 'x86-64' and described_at > now() - interval '1 minute'
                """))
        .isEqualTo(DEVICES.size());
  }

  private void run(Consumer<Transaction> work) {
    fleet.plane.database().run(work::accept);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void untilWaiting(int sessions) {
    while (fleet.number("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
        < sessions) {
      Thread.onSpinWait();
    }
  }

  private static ReportedDocument report(String device) {
    return new ReportedDocument(
        new TenantId("default"),
        new DeviceId(device),
        1,
        1,
        Instant.EPOCH,
        Generation.NONE,
        Generation.NONE,
        List.of(),
        new DeviceFacts(
            "x86-64", List.of("avx2"), 4, 1L << 32, List.of(), List.of("tflite/cpu"), ""),
        "test",
        Map.of(),
        DeviceHealth.UNKNOWN);
  }
}
