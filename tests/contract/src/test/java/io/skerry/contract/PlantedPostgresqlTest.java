package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.fleet.rollout.FencedOutException;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same mistakes in the database, below the server's own classes: its suite finds them, too. */
@Tag("slow")
class PlantedPostgresqlTest {
  @TempDir private Path folder;

  @Test
  void aTokenThatIsGivenTwiceIsFound() throws IOException {
    try (PostgresqlTables tables = new PostgresqlTables(folder)) {
      tables.plant(
          """
          create function first_token() returns trigger language plpgsql as
            'begin new.lease_token := 1; return new; end'
          """);
      tables.plant(
          """
          create trigger first_token before update of lease_token on rollout
            for each row execute function first_token()
          """);
      LeaseContract leases = () -> tables;

      assertThatThrownBy(leases::aTokenIsNeverGivenTwice)
          .isInstanceOfAny(AssertionError.class, FencedOutException.class);
      tables.empty();
      assertThatThrownBy(leases::whoTakesItOverFencesTheOtherOneOut)
          .isInstanceOfAny(AssertionError.class, FencedOutException.class);
    }
  }

  @Test
  void anOutboxThatIsLostByARestartIsFound() throws IOException {
    try (PostgresqlTables tables = new PostgresqlTables(folder)) {
      tables.plant(
          """
          create function lose_outbox() returns trigger language plpgsql as
            'begin delete from desired_outbox; return null; end'
          """);
      tables.plant(
          """
          create trigger lose_outbox after update on desired_term
            for each statement execute function lose_outbox()
          """);
      OutboxContract outbox = () -> tables;
      outbox.enrolDevices();

      assertThatThrownBy(outbox::whatWaitsOutlivesTheProcess).isInstanceOf(AssertionError.class);
    }
  }
}
