package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ReconnectMachineTest {
  private static final long MINUTE = Duration.ofMinutes(1).toNanos();

  @Test
  void doublesTheBoundUpToTheLongest() {
    ReconnectMachine state = ReconnectMachine.START;
    long bound = ReconnectMachine.FIRST.toMillis();
    for (int i = 0; i < 100; i++) {
      state = state.lost(i);

      assertThat(state.pause(ReconnectMachine.LONGEST, 1).toMillis())
          .isEqualTo(Math.min(bound, ReconnectMachine.LONGEST.toMillis()));
      bound = Math.min(2 * bound, Integer.MAX_VALUE);
    }
  }

  @Test
  void spreadsPausesOverTheWholeBound() {
    ReconnectMachine state = ReconnectMachine.START.lost(0).lost(0).lost(0);

    assertThat(state.pause(ReconnectMachine.LONGEST, 0)).isZero();
    assertThat(state.pause(ReconnectMachine.LONGEST, 0.5)).isEqualTo(Duration.ofMillis(400));
    assertThat(state.pause(ReconnectMachine.LONGEST, 1)).isEqualTo(Duration.ofMillis(800));
  }

  @Test
  void doesNotPauseLongerThanItIsAllowedTo() {
    ReconnectMachine state = ReconnectMachine.START;
    for (int i = 0; i < 100; i++) {
      state = state.lost(i);
    }

    assertThat(state.pause(LinkLease.PAUSE_MAX, 1)).isEqualTo(LinkLease.PAUSE_MAX);
    assertThat(LinkLease.PAUSE_MAX.multipliedBy(4)).isLessThan(LinkLease.DEAF_MAX);
  }

  @Test
  void goesOnDoublingWhenAConnectionEndsWithinAMinute() {
    ReconnectMachine state = ReconnectMachine.START;
    for (int i = 0; i < 5; i++) {
      state = state.connected(0).lost(MINUTE - 1);
    }

    assertThat(state.failures()).isEqualTo(5);
  }

  @Test
  void beginsAnewAfterAStableMinute() {
    ReconnectMachine state = ReconnectMachine.START.lost(0).lost(0).lost(0).connected(0);

    assertThat(state.lost(MINUTE).failures()).isEqualTo(1);
  }

  @Test
  void countsFailedConnectsAfterALongConnectionAsFailures() {
    ReconnectMachine state = ReconnectMachine.START.connected(0).lost(MINUTE);

    assertThat(state.lost(9 * MINUTE).failures()).isEqualTo(2);
  }
}
