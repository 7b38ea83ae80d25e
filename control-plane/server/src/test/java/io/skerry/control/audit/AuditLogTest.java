package io.skerry.control.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.TestControlPlane;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class AuditLogTest {
  private static final Duration ALERTS_WITHIN = Duration.ofSeconds(30);

  private final TestControlPlane plane = TestControlPlane.shared();
  private final AuditLog log = plane.bean(AuditLog.class);
  private final Database database = plane.bean(Database.class);

  @Test
  void findsAndTellsTheRowThatWasChanged() throws InterruptedException {
    long id = append("audited.first");
    append("audited.second");
    assertThat(log.firstBroken()).isEmpty();

    tamper(id, "audited.changed");

    assertThat(log.firstBroken()).hasValue(id);
    assertThat(plane.get("/v1/audit/check").body()).contains("\"firstBroken\":" + id);
    plane.bean(AuditSweep.class).check();
    untilAlertsAre(1);

    tamper(id, "audited.first");

    assertThat(log.firstBroken()).isEmpty();
    AuditLog.Entry newest = log.newest(Long.MAX_VALUE, 1).getFirst();
    assertThat(plane.get("/v1/audit/check").body())
        .contains("\"rows\":" + newest.id(), "\"head\":\"%s\"".formatted(newest.hash()));
    plane.bean(AuditSweep.class).check();
    untilAlertsAre(0);
  }

  @Test
  void refusesToChangeOrDeleteRows() {
    append("audited.kept");

    assertThatThrownBy(
            () -> database.run(transaction -> transaction.update("delete from audit_entry")))
        .isInstanceOf(DatabaseException.class)
        .hasMessageContaining("never changed");
  }

  @Test
  void leavesNoRowWhenTheActItTellsFails() {
    long before = log.newest(Long.MAX_VALUE, 1).getFirst().id();

    assertThatThrownBy(
            () ->
                database.run(
                    transaction -> {
                      log.append(transaction, actor(), AuditLog.Act.of("never", "x", ""));
                      throw new IllegalStateException("the act failed");
                    }))
        .isInstanceOf(IllegalStateException.class);

    assertThat(log.newest(Long.MAX_VALUE, 1).getFirst().id()).isEqualTo(before);
  }

  private void untilAlertsAre(long open) throws InterruptedException {
    long end = System.nanoTime() + ALERTS_WITHIN.toNanos();
    while (openAlerts() != open) {
      assertThat(System.nanoTime()).as("%d open alerts", openAlerts()).isLessThan(end);
      Thread.sleep(20);
    }
  }

  private long openAlerts() {
    return database.call(
        transaction ->
            transaction.number(
                "select count(*) from alert where kind = 'audit.broken' and resolved_at is null"));
  }

  private long append(String act) {
    database.run(
        transaction -> log.append(transaction, actor(), AuditLog.Act.of(act, "test/1", "why")));
    return log.newest(Long.MAX_VALUE, 1).getFirst().id();
  }

  private static Actor actor() {
    return new Actor("tester", "request-1");
  }

  // As somebody would who owns the database.
  private void tamper(long id, String act) {
    database.run(
        transaction -> {
          transaction.update("set local session_replication_role = replica");
          transaction.update("update audit_entry set act = ? where id = ?", act, id);
        });
  }
}
