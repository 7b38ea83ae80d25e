package io.skerry.control.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.TestControlPlane;
import io.skerry.control.host.Events;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import jakarta.inject.Singleton;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class AuditLogTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  private final AuditLog log = plane.bean(AuditLog.class);
  private final Database database = plane.bean(Database.class);

  record Marker(CountDownLatch told) {}

  /** Hears of a marker once all is told that was published before it. */
  @Singleton
  static final class Ear {
    @EventListener
    void onMarker(Marker marker) {
      marker.told().countDown();
    }
  }

  @Test
  void findsAndTellsTheRowThatWasChanged() throws InterruptedException {
    long id = append("audited.first");
    append("audited.second");
    assertThat(log.firstBroken()).isEmpty();

    tamper(id, "audited.changed");

    assertThat(log.firstBroken()).hasValue(id);
    assertThat(plane.get("/v1/audit/check").body()).contains("\"firstBroken\":" + id);
    sweep();
    assertThat(openAlerts())
        .containsExactly(
            "row %d does not fit the one before it: somebody changed the database".formatted(id));

    tamper(id, "audited.first");

    assertThat(log.firstBroken()).isEmpty();
    AuditLog.Entry newest = newest();
    assertThat(plane.get("/v1/audit/check").body())
        .contains("\"rows\":" + newest.id(), "\"head\":\"%s\"".formatted(newest.hash()));
    sweep();
    assertThat(openAlerts()).isEmpty();
  }

  /** A row that nobody could have written must not end the check of all others. */
  @Test
  void takesARowThatCannotBeReadForOneThatWasChanged() throws InterruptedException {
    long id = append("audited.spoiled");
    Instant at = newest().at();

    asOwner("update audit_entry set at = 'infinity' where id = ?", id);

    assertThat(log.firstBroken()).hasValue(id);
    assertThat(listed()).contains("\"audit/%d\"".formatted(id), "cannot be read");
    sweep();
    assertThat(openAlerts()).hasSize(1);

    asOwner("update audit_entry set at = ? where id = ?", at, id);
    asOwner("alter table audit_entry alter reason drop not null");
    asOwner("update audit_entry set reason = null where id = ?", id);
    assertThat(log.firstBroken()).hasValue(id);
    assertThat(listed()).contains("\"audit/%d\"".formatted(id), "cannot be read");
    // Acts go on after it.
    database.run(
        transaction ->
            log.append(transaction, actor(), AuditLog.Act.of("audited.after", "test/1", "why")));

    asOwner("update audit_entry set reason = 'why' where id = ?", id);
    asOwner("alter table audit_entry alter reason set not null");
    assertThat(log.firstBroken()).isEmpty();
    sweep();
    assertThat(openAlerts()).isEmpty();
  }

  /** What is left of a log whose newest rows were deleted fits in itself. */
  @Test
  void tellsThatTheNewestRowsAreGone() throws InterruptedException {
    append("audited.left");
    long id = append("audited.newest");
    sweep();
    asOwner("create table audit_gone as select * from audit_entry where id >= ?", id);

    asOwner("delete from audit_entry where id >= ?", id);

    assertThat(log.firstBroken()).isEmpty();
    String told =
        "row %d was the newest of the last check and is gone: somebody changed the database"
            .formatted(id);
    sweep();
    assertThat(openAlerts()).containsExactly(told);
    // Nor does another row in its place make good for it.
    append("audited.instead");
    sweep();
    assertThat(openAlerts()).containsExactly(told);

    asOwner("delete from audit_entry where id >= ?", id);
    asOwner("insert into audit_entry select * from audit_gone");
    asOwner("drop table audit_gone");
    sweep();
    assertThat(openAlerts()).isEmpty();
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

  private String listed() {
    HttpResponse<String> answer = plane.get("/v1/audit");
    assertThat(answer.statusCode()).isEqualTo(200);
    return answer.body();
  }

  private AuditLog.Entry newest() {
    return log.newest(Long.MAX_VALUE, 1).getFirst().entry().orElseThrow();
  }

  private void sweep() throws InterruptedException {
    plane.bean(AuditSweep.class).check();
    Marker marker = new Marker(new CountDownLatch(1));
    plane.bean(Events.class).publish(marker);
    assertThat(marker.told().await(30, TimeUnit.SECONDS)).isTrue();
  }

  private List<String> openAlerts() {
    return database.call(
        transaction ->
            transaction.list(
                "select detail from alert where kind = 'audit.broken' and resolved_at is null",
                row -> row.text("detail")));
  }

  private long append(String act) {
    database.run(
        transaction -> log.append(transaction, actor(), AuditLog.Act.of(act, "test/1", "why")));
    return log.newest(Long.MAX_VALUE, 1).getFirst().id();
  }

  private static Actor actor() {
    return new Actor("tester", "request-1");
  }

  private void tamper(long id, String act) {
    asOwner("update audit_entry set act = ? where id = ?", act, id);
  }

  // As somebody would who owns the database.
  private void asOwner(String statement, Object... parameters) {
    database.run(
        transaction -> {
          transaction.update("set local session_replication_role = replica");
          transaction.update(statement, parameters);
        });
  }
}
