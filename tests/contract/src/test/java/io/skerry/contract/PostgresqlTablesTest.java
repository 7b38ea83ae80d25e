package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RolloutId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The server's tables in a real PostgreSQL, and what a single thread in memory cannot show. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PostgresqlTablesTest {
  private final PostgresqlTables tables;

  PostgresqlTablesTest(@TempDir Path folder) throws IOException {
    tables = new PostgresqlTables(folder);
  }

  @AfterAll
  void close() throws IOException {
    tables.close();
  }

  @BeforeEach
  void empty() {
    tables.empty();
  }

  @Nested
  class Records implements RecordsContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Online implements OnlineContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Outbox implements OutboxContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Leases implements LeaseContract {
    @Override
    public Tables tables() {
      return tables;
    }

    @Test
    void ofReplicasThatAskAtOnceOneGetsIt() throws Exception {
      tables.enrol(new DeviceId("device-1"));
      RolloutId rollout = tables.begin(Tables.Wish.of(1, StageRule.percent(100)), NOW);
      CyclicBarrier together = new CyclicBarrier(4);
      List<Callable<Optional<Lease>>> asking =
          IntStream.range(0, 4)
              .<Callable<Optional<Lease>>>mapToObj(
                  replica ->
                      () -> {
                        together.await();
                        return tables.books().lease(rollout, "replica-" + replica, NOW);
                      })
              .toList();

      try (ExecutorService replicas = Executors.newFixedThreadPool(4)) {
        long holders = 0;
        for (Future<Optional<Lease>> answer : replicas.invokeAll(asking)) {
          holders += answer.get().isPresent() ? 1 : 0;
        }
        assertThat(holders).isEqualTo(1);
      }
    }
  }

  @Nested
  class Counted implements EvidenceContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Judged implements JudgedWindowsContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Members implements RolloutMembersContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Orders implements RolloutOrdersContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Trials implements RolloutTrialsContract {
    @Override
    public Tables tables() {
      return tables;
    }
  }

  @Nested
  class Books implements RolloutBooksContract {
    @Override
    public Tables tables() {
      return tables;
    }

    @Test
    void nothingIsKeptOfWorkThatFails() {
      RolloutId rollout = tables.begin(TO_ALL, LeaseContract.NOW);
      tables.published(tables.waiting(100));
      RolloutBooks books = tables.books();
      Lease lease = books.lease(rollout, "a", LeaseContract.NOW).orElseThrow();
      Census before = books.forPerson(rollout, RolloutBooks.Page::census).orElseThrow();

      assertThatThrownBy(
              () ->
                  books.underLease(
                      lease,
                      page -> {
                        RolloutDriver.apply(
                            page, new RolloutEvent.Promote("tested"), LeaseContract.NOW);
                        assertThat(page.census().devices(1)).isEqualTo(4);
                        throw new IllegalStateException("killed");
                      }))
          .hasMessage("killed");

      assertThat(tables.waiting(100)).as("orders").isEmpty();
      assertThat(books.forPerson(rollout, RolloutBooks.Page::census)).contains(before);
    }
  }
}
