package io.skerry.contract;

import org.junit.jupiter.api.Nested;

/** The simulation's tables keep the contract of the server's. */
class MemoryTablesTest {
  private final MemoryTables tables = new MemoryTables();

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
  }
}
