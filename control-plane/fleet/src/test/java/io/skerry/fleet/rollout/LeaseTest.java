package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.RolloutId;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LeaseTest {
  private static final RolloutId ROLLOUT = new RolloutId("r-1");
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  @Test
  void belongsToOneReplicaUntilItRunsOut() {
    Lease first = asked(Optional.empty(), "a", NOW).orElseThrow();

    assertThat(asked(Optional.of(first), "b", first.until().minusMillis(1))).isEmpty();
    assertThat(asked(Optional.of(first), "b", first.until()).map(Lease::token)).hasValue(2L);
  }

  @Test
  void keepsItsTokenWhileItsHolderRenewsIt() {
    Lease first = asked(Optional.empty(), "a", NOW).orElseThrow();

    Lease renewed = asked(Optional.of(first), "a", NOW.plusSeconds(5)).orElseThrow();

    assertThat(renewed.token()).isEqualTo(1);
    assertThat(renewed.until()).isEqualTo(NOW.plusSeconds(5).plus(Lease.LENGTH));
  }

  @Test
  void getsAHigherTokenWhenItsHolderCameTooLate() {
    Lease first = asked(Optional.empty(), "a", NOW).orElseThrow();

    Lease late = asked(Optional.of(first), "a", first.until().plusSeconds(1)).orElseThrow();

    assertThat(late.token()).isEqualTo(2);
    assertThat(first.isCurrent(late)).isFalse();
  }

  private static Optional<Lease> asked(Optional<Lease> current, String holder, Instant now) {
    return Lease.asked(ROLLOUT, current, holder, now);
  }
}
