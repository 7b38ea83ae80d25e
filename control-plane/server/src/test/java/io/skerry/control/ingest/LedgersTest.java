package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class LedgersTest {
  private static final Ledgers.Key KEY =
      new Ledgers.Key(new DeviceId("pump"), 7, RecordStream.WINDOWS);

  /** At a handover an old transaction may still be at work on a boot that nobody knows yet. */
  @Test
  void makesALedgerOnceThoughTwoStoreTheFirstRecordsOfABoot(@TempDir Path folder) throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      plane
          .database()
          .run(
              transaction ->
                  transaction.update(
                      "insert into device (id, tenant, labels, facts, enrolled_at)"
                          + " values ('pump', 'default', '{}', '{}', now())"));
      CompletableFuture<Void> second = new CompletableFuture<>();
      plane
          .database()
          .run(
              transaction -> {
                Ledgers ledgers = Ledgers.lock(transaction, List.of(KEY));
                ledgers.take(KEY, 1);
                Thread.ofVirtual().start(() -> store(plane, second));
                while (!second.isDone() && waiting(plane) == 0) {
                  Thread.onSpinWait();
                }
                ledgers.save(transaction);
              });
      second.join();

      assertThat(number(plane, "select through from ingest_ledger")).isEqualTo(2);
      assertThat(number(plane, "select stored from ingest_ledger")).isEqualTo(2);
    }
  }

  private static void store(TestPlane plane, CompletableFuture<Void> done) {
    try {
      plane
          .database()
          .run(
              transaction -> {
                Ledgers ledgers = Ledgers.lock(transaction, List.of(KEY));
                ledgers.take(KEY, 2);
                ledgers.save(transaction);
              });
      done.complete(null);
    } catch (RuntimeException e) {
      done.completeExceptionally(e);
    }
  }

  private static long waiting(TestPlane plane) {
    return number(plane, "select count(*) from pg_locks where not granted");
  }

  private static long number(TestPlane plane, String sql) {
    return plane.database().<Long>call(transaction -> transaction.number(sql));
  }
}
