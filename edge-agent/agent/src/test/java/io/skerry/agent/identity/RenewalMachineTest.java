package io.skerry.agent.identity;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RenewalMachineTest {
  private static final Instant T = Instant.parse("2026-11-20T00:00:00Z");
  private static final Duration LIFE = Duration.ofDays(30);
  private static final Validity CURRENT = new Validity(T, T.plus(LIFE));
  private static final Validity NEXT =
      new Validity(T.plus(Duration.ofDays(21)), T.plus(Duration.ofDays(51)));
  private static final RenewalEvent TICK = new RenewalEvent.Ticked();
  private static final RenewalEvent FAILED = new RenewalEvent.Failed();
  private static final RenewalEvent WITH_OLD = new RenewalEvent.Connected(false);
  private static final RenewalEvent WITH_NEW = new RenewalEvent.Connected(true);

  private final RenewalMachine machine = new RenewalMachine(7);
  private RenewalState state = new RenewalState.Resting(CURRENT);

  private RenewalMachine.Transition on(RenewalEvent event, Instant now) {
    RenewalMachine.Transition transition = machine.on(state, event, now);
    state = transition.state();
    return transition;
  }

  private Instant due() {
    return machine.dueAt(CURRENT);
  }

  private Instant proving() {
    on(TICK, due());
    on(new RenewalEvent.Issued(NEXT), due());
    return due();
  }

  @Test
  void asksAtTwoThirdsOfLifeAndNotBefore() {
    assertThat(due())
        .isBetween(T.plus(Duration.ofDays(20)), T.plus(Duration.ofHours(22 * 24 + 12)));

    assertThat(on(TICK, due().minusSeconds(1)).effects()).isEmpty();
    assertThat(on(TICK, due()).effects()).containsExactly(RenewalEffect.ASK);
    assertThat(on(TICK, due().plusSeconds(60)).effects()).isEmpty();
  }

  @Test
  void aFleetEnrolledAtOnceDoesNotRenewAtOnce() {
    Set<Instant> hours = new HashSet<>();
    for (int seed = 0; seed < 100; seed++) {
      hours.add(
          Instant.ofEpochSecond(
              new RenewalMachine(seed).dueAt(CURRENT).getEpochSecond() / 3600 * 3600));
    }

    assertThat(hours).hasSizeGreaterThan(40);
  }

  @Test
  void waitsLongerAfterEveryFailureUpToABound() {
    on(TICK, due());
    Instant now = due();
    Duration longest = Duration.ZERO;
    for (int failure = 1; failure <= 40; failure++) {
      on(FAILED, now);
      Instant retryAt = ((RenewalState.Waiting) state).retryAt();
      Duration wait = Duration.between(now, retryAt);
      assertThat(wait).isBetween(Duration.ofSeconds(30), Duration.ofHours(6));
      longest = wait.compareTo(longest) > 0 ? wait : longest;
      assertThat(on(TICK, retryAt.minusMillis(1)).effects()).isEmpty();
      assertThat(on(TICK, retryAt).effects()).containsExactly(RenewalEffect.ASK);
      now = retryAt;
    }
    assertThat(longest).isGreaterThan(Duration.ofHours(3));
  }

  @Test
  void asksOnAfterTheCertificateHasRunOut() {
    Instant expired = CURRENT.notAfter().plus(Duration.ofDays(100));

    assertThat(on(TICK, expired).effects()).containsExactly(RenewalEffect.ASK);
    on(FAILED, expired);
    assertThat(on(TICK, expired.plus(Duration.ofHours(6))).effects())
        .containsExactly(RenewalEffect.ASK);
  }

  @Test
  void keepsTheOldCertificateUntilAConnectionProvesTheNewOne() {
    on(TICK, due());

    assertThat(on(new RenewalEvent.Issued(NEXT), due()).effects())
        .containsExactly(RenewalEffect.RECONNECT);
    assertThat(state.current()).isEqualTo(CURRENT);
    assertThat(on(WITH_NEW, due()).effects()).containsExactly(RenewalEffect.SWITCH);
    assertThat(state).isEqualTo(new RenewalState.Resting(NEXT));
  }

  @Test
  void triesTheNewCertificateAgainWhileOnlyTheOldOneConnects() {
    Instant now = proving();

    assertThat(on(WITH_OLD, now).effects()).isEmpty();
    Instant again = ((RenewalState.Proving) state).tryAgainAt();
    assertThat(on(TICK, again.minusMillis(1)).effects()).isEmpty();
    assertThat(on(TICK, again).effects()).containsExactly(RenewalEffect.RECONNECT);
  }

  @Test
  void givesUpANewCertificateThatNeverConnectsAndAsksForAnother() {
    Instant now = proving();
    for (int refusal = 1; refusal < RenewalMachine.REFUSALS_MAX; refusal++) {
      assertThat(on(WITH_OLD, now).effects()).isEmpty();
    }

    assertThat(on(WITH_OLD, now).effects()).containsExactly(RenewalEffect.DISCARD);
    assertThat(state.current()).isEqualTo(CURRENT);
    assertThat(on(TICK, now.plus(Duration.ofHours(6))).effects())
        .containsExactly(RenewalEffect.ASK);
  }

  @Test
  void givesUpANewCertificateThatRanOutUnproven() {
    proving();

    assertThat(on(TICK, NEXT.notAfter()).effects()).containsExactly(RenewalEffect.DISCARD);
    assertThat(on(TICK, NEXT.notAfter().plus(Duration.ofHours(6))).effects())
        .containsExactly(RenewalEffect.ASK);
  }

  @Test
  void aClockPutBackDoesNotStretchAWaitToYears() {
    Instant ahead = CURRENT.notAfter().plus(Duration.ofDays(3650));
    on(TICK, ahead);
    on(FAILED, ahead);

    assertThat(on(TICK, due()).effects()).containsExactly(RenewalEffect.ASK);
  }

  @Test
  void aCertificateOfAMinuteIsRenewedInSeconds() {
    Validity minute = new Validity(T, T.plusSeconds(60));
    assertThat(machine.dueAt(minute)).isBetween(T.plusSeconds(40), T.plusSeconds(45));
    state = new RenewalState.Asking(minute, 0);

    on(FAILED, T.plusSeconds(41));

    assertThat(((RenewalState.Waiting) state).retryAt())
        .isBetween(T.plusMillis(41_500), T.plusSeconds(42));
  }
}
