package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BackoffTest {
  private final Backoff backoff =
      new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(60), new Random(1));

  @Test
  void waitsAnythingUpToADoublingLimit() {
    for (int attempt = 0; attempt < 100; attempt++) {
      assertThat(backoff.next())
          .isLessThanOrEqualTo(Duration.ofSeconds(Math.min(60, 1L << Math.min(attempt, 10))));
    }
  }

  @Test
  void beginsAnewOnlyAfterAStableMinute() {
    for (int attempt = 0; attempt < 10; attempt++) {
      backoff.next();
    }
    backoff.ended(Instant.EPOCH, Instant.EPOCH.plusSeconds(59));
    Duration longest = Duration.ZERO;
    for (int attempt = 0; attempt < 20; attempt++) {
      Duration next = backoff.next();
      longest = next.compareTo(longest) > 0 ? next : longest;
    }
    assertThat(longest).isGreaterThan(Duration.ofSeconds(10));

    backoff.ended(Instant.EPOCH, Instant.EPOCH.plusSeconds(60));

    assertThat(backoff.next()).isLessThanOrEqualTo(Duration.ofSeconds(1));
  }
}
