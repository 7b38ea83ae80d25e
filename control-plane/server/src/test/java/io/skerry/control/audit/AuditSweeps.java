package io.skerry.control.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.host.Events;
import io.skerry.control.sql.TestPlane;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Lets tests of other features ask what the sweep of the audit log finds. */
public final class AuditSweeps {
  private AuditSweeps() {}

  /** Checks once, as after a start and every six hours; what is told of the log then. */
  public static List<String> sweep(TestPlane plane) throws InterruptedException {
    plane.bean(AuditSweep.class).check();
    AuditLogTest.Marker marker = new AuditLogTest.Marker(new CountDownLatch(1));
    plane.bean(Events.class).publish(marker);
    assertThat(marker.told().await(30, TimeUnit.SECONDS)).isTrue();
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    """
                    select detail from alert where kind = 'audit.broken' and resolved_at is null
                    """,
                    row -> row.text("detail")));
  }
}
