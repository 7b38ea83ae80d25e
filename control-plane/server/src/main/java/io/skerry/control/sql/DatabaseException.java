package io.skerry.control.sql;

import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The database refused a statement, or is away. */
public final class DatabaseException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final String UNIQUE_VIOLATION = "23505";
  // Serialization failure and deadlock.
  private static final Set<String> RETRYABLE = Set.of("40001", "40P01");

  // Data exceptions, constraints, and limits such as that of an index's row.
  private static final Set<String> VALUE = Set.of("22", "23", "54");

  private final @Nullable String state;

  DatabaseException(SQLException cause) {
    super(said(cause), cause);
    this.state = cause.getSQLState();
  }

  // A batch's own message is the whole row, of people's data too; the database's is the next.
  private static @Nullable String said(SQLException cause) {
    SQLException next = cause.getNextException();
    return (cause instanceof BatchUpdateException && next != null ? next : cause).getMessage();
  }

  /** Whether a row with the same key exists already. */
  public boolean isUniqueViolation() {
    return UNIQUE_VIOLATION.equals(state);
  }

  /**
   * Whether the database could not be reached or is shutting down, so that the same may work later.
   */
  public boolean isAway() {
    return state == null
        || state.startsWith("08")
        || state.startsWith("57")
        || state.startsWith("53")
        || isRetryable();
  }

  /** Whether it lies in what was to be stored, so that the same will be refused again. */
  public boolean isOfValue() {
    return state != null && VALUE.contains(state.substring(0, Math.min(2, state.length())));
  }

  boolean isRetryable() {
    return state != null && RETRYABLE.contains(state);
  }
}
