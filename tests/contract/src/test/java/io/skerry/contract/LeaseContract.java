package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.rollout.FencedOutException;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RolloutId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** One replica moves a rollout on, and what another one still does is refused. */
interface LeaseContract {
  Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  /** Without devices. */
  Tables tables();

  @Test
  default void oneReplicaHoldsALeaseAtATime() {
    RolloutId rollout = begun();

    Lease first = lease(rollout, "a", NOW);

    assertThat(first.token()).isEqualTo(1);
    assertThat(first.until()).isEqualTo(NOW.plus(Lease.LENGTH));
    assertThat(books().lease(rollout, "b", NOW)).isEmpty();
    assertThat(books().lease(rollout, "b", first.until().minusMillis(1))).isEmpty();
  }

  @Test
  default void whoHoldsItKeepsItAndItsToken() {
    RolloutId rollout = begun();
    Lease first = lease(rollout, "a", NOW);
    Instant later = NOW.plus(Duration.ofSeconds(5));

    Lease renewed = lease(rollout, "a", later);

    assertThat(renewed).isEqualTo(new Lease(rollout, "a", 1, later.plus(Lease.LENGTH)));
    assertThat(books().lease(rollout, "b", first.until())).as("it was renewed").isEmpty();
    assertThat(phase(first)).isInstanceOf(RolloutPhase.Running.class);
  }

  @Test
  default void whoTakesItOverFencesTheOtherOneOut() {
    RolloutId rollout = begun();
    Lease first = lease(rollout, "a", NOW);

    Lease second = lease(rollout, "b", first.until());

    assertThat(second.token()).isEqualTo(2);
    assertFencedOut(first);
    assertThat(books().lease(rollout, "a", first.until())).isEmpty();
    assertThat(phase(second)).isInstanceOf(RolloutPhase.Running.class);
    paused(second);
    assertThat(phase(second)).isInstanceOf(RolloutPhase.Paused.class);
  }

  @Test
  default void aTokenIsNeverGivenTwice() {
    RolloutId rollout = begun();
    Lease first = lease(rollout, "a", NOW);
    Lease again = lease(rollout, "a", first.until());
    assertThat(again.token()).as("its own ran out").isEqualTo(2);
    assertFencedOut(first);

    Lease other = lease(rollout, "b", again.until());
    Lease third = lease(rollout, "a", other.until());

    assertThat(List.of(other.token(), third.token())).containsExactly(3L, 4L);
    assertFencedOut(first);
    assertFencedOut(again);
    assertFencedOut(other);
  }

  @Test
  default void aLeaseOutlivesTheProcess() {
    RolloutId rollout = begun();
    Lease first = lease(rollout, "a", NOW);

    tables().restart();

    assertThat(books().lease(rollout, "b", NOW)).isEmpty();
    assertThat(lease(rollout, "b", first.until()).token()).isEqualTo(2);
    assertFencedOut(first);
  }

  @Test
  default void eachRolloutHasItsOwn() {
    RolloutId one = begun();
    lease(one, "a", NOW);
    // It takes the first one's place.
    RolloutId other = tables().begin(Wish.of(2, StageRule.percent(100)), NOW);

    assertThat(lease(other, "b", NOW).token()).isEqualTo(1);
  }

  @Test
  default void nobodyHoldsWhatIsNotThere() {
    RolloutId nothing = new RolloutId("rollout-nothing");

    assertThat(books().lease(nothing, "a", NOW)).isEmpty();
    assertThat(books().forPerson(nothing, RolloutBooks.Page::state)).isEmpty();
    assertThatThrownBy(
            () ->
                books()
                    .underLease(
                        new Lease(nothing, "a", 1, NOW.plus(Lease.LENGTH)),
                        RolloutBooks.Page::state))
        .isInstanceOf(FencedOutException.class);
  }

  private RolloutId begun() {
    tables().enrol(new DeviceId("device-1"));
    return tables().begin(Wish.of(1, StageRule.percent(100)), NOW);
  }

  private RolloutBooks books() {
    return tables().books();
  }

  private Lease lease(RolloutId rollout, String replica, Instant now) {
    return books().lease(rollout, replica, now).orElseThrow();
  }

  private void assertFencedOut(Lease lease) {
    RolloutState before =
        books().forPerson(lease.rollout(), RolloutBooks.Page::state).orElseThrow();
    assertThatThrownBy(() -> paused(lease)).isInstanceOf(FencedOutException.class);
    assertThat(books().forPerson(lease.rollout(), RolloutBooks.Page::state)).contains(before);
  }

  private void paused(Lease lease) {
    books()
        .underLease(
            lease, page -> RolloutDriver.apply(page, new RolloutEvent.Pause("tested"), NOW));
  }

  private RolloutPhase phase(Lease lease) {
    return books().underLease(lease, page -> page.state().phase());
  }
}
