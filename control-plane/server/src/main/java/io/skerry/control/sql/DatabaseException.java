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

  boolean isRetryable() {
    return state != null && RETRYABLE.contains(state);
  }
}
