package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.protocol.RolloutId;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * Mistakes that the simulation cannot show, the contract finds at once: in one thread no replica
 * hangs between its lease and its work, and a lost outbox is soon filled again by the sweep.
 */
class PlantedTablesTest {
  @Test
  void aTokenThatNobodyLooksAtIsFound() {
    MemoryTables unfenced =
        new MemoryTables() {
          @Override
          public RolloutBooks books() {
            return new Unfenced(super.books());
          }
        };

    assertThatThrownBy(leases(unfenced)::whoTakesItOverFencesTheOtherOneOut)
        .isInstanceOf(AssertionError.class);
  }

  @Test
  void aTokenThatIsGivenTwiceIsFound() {
    MemoryTables always =
        new MemoryTables() {
          @Override
          public RolloutBooks books() {
            return new AlwaysTheFirstToken(super.books());
          }
        };

    assertThatThrownBy(leases(always)::aTokenIsNeverGivenTwice).isInstanceOf(AssertionError.class);
  }

  @Test
  void anOutboxThatIsLostByARestartIsFound() {
    MemoryTables forgetful =
        new MemoryTables() {
          @Override
          public void restart() {
            published(waiting(Integer.MAX_VALUE));
            super.restart();
          }
        };
    OutboxContract outbox = () -> forgetful;
    outbox.enrolDevices();

    assertThatThrownBy(outbox::whatWaitsOutlivesTheProcess).isInstanceOf(AssertionError.class);
  }

  private static LeaseContract leases(Tables tables) {
    return () -> tables;
  }

  private record Unfenced(RolloutBooks books) implements RolloutBooks {
    @Override
    public Optional<Lease> lease(RolloutId rollout, String holder, Instant now) {
      return books.lease(rollout, holder, now);
    }

    @Override
    public <T> T underLease(Lease lease, Function<Page, T> work) {
      return forPerson(lease.rollout(), work).orElseThrow();
    }

    @Override
    public <T> Optional<T> forPerson(RolloutId rollout, Function<Page, T> work) {
      return books.forPerson(rollout, work);
    }

    @Override
    public int admit(Lease lease) {
      return books.admit(lease);
    }
  }

  private record AlwaysTheFirstToken(RolloutBooks books) implements RolloutBooks {
    @Override
    public Optional<Lease> lease(RolloutId rollout, String holder, Instant now) {
      return books
          .lease(rollout, holder, now)
          .map(lease -> new Lease(rollout, holder, 1, lease.until()));
    }

    @Override
    public <T> T underLease(Lease lease, Function<Page, T> work) {
      return books.underLease(lease, work);
    }

    @Override
    public <T> Optional<T> forPerson(RolloutId rollout, Function<Page, T> work) {
      return books.forPerson(rollout, work);
    }

    @Override
    public int admit(Lease lease) {
      return books.admit(lease);
    }
  }
}
