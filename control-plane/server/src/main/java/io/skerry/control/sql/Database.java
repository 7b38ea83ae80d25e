package io.skerry.control.sql;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The control plane's PostgreSQL database.
 *
 * <p>Work runs in explicit transactions at read committed; a transaction that the database gave up
 * for a deadlock or a serialization failure is run again, so work must have no effects besides SQL
 * and {@link Transaction#afterCommit}. Thread-safe.
 */
public final class Database {
  private static final int ATTEMPTS_MAX = 3;

  private final DataSource source;

  public Database(DataSource source) {
    this.source = source;
  }

  /** Work with a result. */
  @FunctionalInterface
  public interface Work<T extends @Nullable Object> {
    /** Runs inside the transaction. */
    T run(Transaction transaction);
  }

  /** Work without a result. */
  @FunctionalInterface
  public interface Act {
    /** Runs inside the transaction. */
    void run(Transaction transaction);
  }

  /**
   * Runs work in one transaction and commits it; an exception rolls back.
   *
   * @throws DatabaseException if the database refused or is away
   */
  public <T extends @Nullable Object> T call(Work<T> work) {
    for (int attempt = 1; ; attempt++) {
      try {
        return attempt(work);
      } catch (DatabaseException e) {
        if (!e.isRetryable() || attempt >= ATTEMPTS_MAX) {
          throw e;
        }
      }
    }
  }

  /**
   * Runs work in one transaction and commits it; an exception rolls back.
   *
   * @throws DatabaseException if the database refused or is away
   */
  public void run(Act act) {
    this.<@Nullable Void>call(
        transaction -> {
          act.run(transaction);
          return null;
        });
  }

  private <T extends @Nullable Object> T attempt(Work<T> work) {
    Transaction transaction;
    T result;
    try (Connection connection = source.getConnection()) {
      connection.setAutoCommit(false);
      transaction = new Transaction(connection);
      boolean done = false;
      try {
        result = work.run(transaction);
        connection.commit();
        done = true;
      } finally {
        if (!done) {
          rollBack(connection);
        }
        connection.setAutoCommit(true);
      }
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
    transaction.committed();
    return result;
  }

  private static void rollBack(Connection connection) throws SQLException {
    if (!connection.isClosed()) {
      connection.rollback();
    }
  }
}
