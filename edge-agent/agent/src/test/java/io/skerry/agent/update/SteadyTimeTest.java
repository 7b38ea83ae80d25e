package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class SteadyTimeTest {
  private final AtomicReference<Instant> clock = new AtomicReference<>(Instant.EPOCH);
  private final SteadyTime time = new SteadyTime(clock::get);

  @Test
  void goesWithTheClock() {
    clock.set(Instant.EPOCH.plusSeconds(3));

    assertThat(time.now()).isEqualTo(Instant.EPOCH.plusSeconds(3));
  }

  @Test
  void doesNotJumpWithTheClock() {
    clock.set(Instant.parse("2036-01-01T00:00:00Z"));
    Instant forward = time.now();
    clock.set(Instant.EPOCH);
    Instant back = time.now();
    clock.set(Instant.EPOCH.plusMillis(5));

    assertThat(forward).isEqualTo(Instant.EPOCH.plus(SteadyTime.STEP_MAX));
    assertThat(back).isEqualTo(forward);
    assertThat(time.now()).isEqualTo(forward.plus(Duration.ofMillis(5)));
  }
}
