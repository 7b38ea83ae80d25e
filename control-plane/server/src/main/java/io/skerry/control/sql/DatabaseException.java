package io.skerry.control.sql;

import java.sql.SQLException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The database refused a statement, or is away. */
public final class DatabaseException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final String UNIQUE_VIOLATION = "23505";
  // Serialization failure and deadlock.
  private static final Set<String> RETRYABLE = Set.of("40001", "40P01");

  private final @Nullable String state;

  DatabaseException(SQLException cause) {
    super(cause.getMessage(), cause);
    this.state = cause.getSQLState();
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

  boolean isRetryable() {
    return state != null && RETRYABLE.contains(state);
  }
}
