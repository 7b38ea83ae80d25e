package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BackoffTest {
  private final Backoff backoff =
      new Backoff(
          new LinkConfig.Timing(
              Duration.ofSeconds(1),
              Duration.ofSeconds(60),
              Duration.ofMinutes(1),
              Duration.ofSeconds(10),
              Duration.ofSeconds(45),
              Duration.ofMinutes(10)),
          new Random(1));

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
    backoff.ended(Duration.ofSeconds(59));
    Duration longest = Duration.ZERO;
    for (int attempt = 0; attempt < 20; attempt++) {
      Duration next = backoff.next();
      longest = next.compareTo(longest) > 0 ? next : longest;
    }
    assertThat(longest).isGreaterThan(Duration.ofSeconds(10));

    backoff.ended(Duration.ofSeconds(60));

    assertThat(backoff.next()).isLessThanOrEqualTo(Duration.ofSeconds(1));
  }

  @Test
  void leavesABusyBrokerAloneForHalfOfTheLongestWaitOrMore() {
    for (int attempt = 0; attempt < 100; attempt++) {
      assertThat(backoff.afterCrowd()).isBetween(Duration.ofSeconds(30), Duration.ofSeconds(60));
      assertThat(backoff.afterTakeover()).isBetween(Duration.ofMinutes(5), Duration.ofMinutes(10));
    }
  }
}
