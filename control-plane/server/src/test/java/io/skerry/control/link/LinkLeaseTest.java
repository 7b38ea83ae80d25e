package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.sql.TestPlane;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class LinkLeaseTest {
  @Test
  void belongsToOneServerUntilItRunsOut(@TempDir Path folder) throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      LinkLease first = new LinkLease(plane.database());
      LinkLease second = new LinkLease(plane.database());
      AtomicInteger lost = new AtomicInteger();

      assertThat(renewed(first, lost)).isTrue();
      assertThat(renewed(second, lost)).isFalse();
      assertThat(renewed(first, lost)).isTrue();
      assertThat(lost).hasValue(0);

      runOut(plane);
      assertThat(renewed(second, lost)).isTrue();
      assertThat(renewed(first, lost)).isFalse();
      assertThat(renewed(first, lost)).isFalse();
      assertThat(lost).as("told once").hasValue(1);

      runOut(plane);
      assertThat(renewed(first, lost)).isTrue();
      assertThat(lost).hasValue(1);
      runOut(plane);
      assertThat(renewed(second, lost)).isTrue();
      assertThat(lost).as("another had it while this one did not ask").hasValue(2);
    }
  }

  private static void runOut(TestPlane plane) {
    plane
        .database()
        .run(
            transaction ->
                transaction.update("update link_lease set until = now() - interval '1 second'"));
  }

  private static boolean renewed(LinkLease lease, AtomicInteger lost) {
    CompletableFuture<Boolean> next = lease.next();
    lease.renew(lost::incrementAndGet);
    return next.isDone();
  }
}
