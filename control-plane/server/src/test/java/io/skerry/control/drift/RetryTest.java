package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RetryTest {
  @Test
  void waitsTwiceAsLongAfterEveryFailureUpToFourMinutes() {
    // A clock that overflows while it waits.
    long now = Long.MAX_VALUE - 1;
    Retry retry = Retry.first(now);
    assertThat(retry.pause()).isEqualTo(Duration.ofSeconds(2));
    assertThat(retry.isWaiting(now)).isTrue();
    assertThat(retry.isWaiting(now + Duration.ofSeconds(2).toNanos() - 1)).isTrue();
    assertThat(retry.isWaiting(now + Duration.ofSeconds(2).toNanos())).isFalse();

    retry = retry.next(now);
    assertThat(retry.pause()).isEqualTo(Duration.ofSeconds(4));
    for (int failure = 0; failure < 100; failure++) {
      retry = retry.next(now);
    }
    assertThat(retry.pause()).isEqualTo(Duration.ofMinutes(4));
  }
}
