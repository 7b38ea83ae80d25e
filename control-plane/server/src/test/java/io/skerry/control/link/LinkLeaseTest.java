package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.sql.TestPlane;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
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

  @Test
  void goesToAnotherServerWhenItsHolderDoesNotHearTheDevices(@TempDir Path folder)
      throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      AtomicLong nanos = new AtomicLong();
      LinkLease deaf = new LinkLease(plane.database(), nanos::get);
      LinkLease hearing = new LinkLease(plane.database(), nanos::get);
      AtomicInteger lost = new AtomicInteger();
      assertThat(renewed(deaf, lost)).isTrue();

      nanos.addAndGet(Duration.ofSeconds(20).toNanos());
      assertThat(renewed(deaf, lost)).as("it heard them").isTrue();
      nanos.addAndGet(Duration.ofSeconds(29).toNanos());
      assertThat(renewed(deaf, lost, false)).isTrue();
      nanos.addAndGet(Duration.ofSeconds(2).toNanos());
      assertThat(renewed(deaf, lost, false)).isFalse();
      assertThat(lost).hasValue(1);
      assertThat(renewed(deaf, lost, false)).as("it leaves it to others for a while").isFalse();

      assertThat(renewed(hearing, lost)).as("at once").isTrue();
      nanos.addAndGet(Duration.ofSeconds(11).toNanos());
      assertThat(renewed(deaf, lost, false)).isFalse();
      assertThat(lost).as("told once").hasValue(1);

      runOut(plane);
      assertThat(renewed(deaf, lost, false)).as("it tries again").isTrue();
      nanos.addAndGet(Duration.ofSeconds(29).toNanos());
      assertThat(renewed(deaf, lost, false)).as("each turn has its time").isTrue();
    }
  }

  @Test
  void countsATurnFromItsFirstTry(@TempDir Path folder) throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      AtomicLong nanos = new AtomicLong();
      LinkLease lease = new LinkLease(plane.database(), nanos::get);
      AtomicInteger lost = new AtomicInteger();
      assertThat(renewed(lease, lost, false)).isTrue();

      nanos.addAndGet(Duration.ofSeconds(20).toNanos());
      lease.trying();
      nanos.addAndGet(Duration.ofSeconds(20).toNanos());
      lease.trying();
      assertThat(renewed(lease, lost, false)).isTrue();
      nanos.addAndGet(Duration.ofSeconds(11).toNanos());

      assertThat(renewed(lease, lost, false)).isFalse();
      assertThat(lost).hasValue(1);
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
    return renewed(lease, lost, true);
  }

  private static boolean renewed(LinkLease lease, AtomicInteger lost, boolean isListening) {
    CompletableFuture<Boolean> next = lease.next();
    lease.renew(() -> isListening, lost::incrementAndGet);
    return next.isDone();
  }
}
