package io.skerry.control.sql;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One open transaction; not thread-safe, and of no use after it ended.
 *
 * <p>Parameters are {@link String}, numbers, {@link Boolean}, {@link Instant}, {@code byte[]},
 * {@code long[]} (bigint[]), collections of strings (text[]) and of longs (bigint[]), or null.
 */
public final class Transaction {
  private final Connection connection;
  private final List<Runnable> afterCommit = new ArrayList<>();

  Transaction(Connection connection) {
    this.connection = connection;
  }

  /** Runs one statement and returns the number of rows it touched. */
  public int update(String sql, @Nullable Object... parameters) {
    try (PreparedStatement statement = prepared(sql, parameters)) {
      return statement.executeUpdate();
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  /** Runs one statement for many rows of parameters. */
  public void batch(String sql, List<@Nullable Object[]> rows) {
    if (rows.isEmpty()) {
      return;
    }
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (@Nullable Object[] row : rows) {
        bind(statement, row);
        statement.addBatch();
      }
      statement.executeBatch();
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  /** All rows of a query, which must bound itself. */
  public <T> List<T> list(String sql, Function<Row, T> reader, @Nullable Object... parameters) {
    try (PreparedStatement statement = prepared(sql, parameters);
        ResultSet results = statement.executeQuery()) {
      List<T> rows = new ArrayList<>();
      Row row = new Row(results);
      while (results.next()) {
        rows.add(reader.apply(row));
      }
      return rows;
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  /** The first row of a query. */
  public <T> Optional<T> first(
      String sql, Function<Row, T> reader, @Nullable Object... parameters) {
    return list(sql, reader, parameters).stream().findFirst();
  }

  /** The number in the only row and column of a query; 0 when there is none. */
  public long number(String sql, @Nullable Object... parameters) {
    try (PreparedStatement statement = prepared(sql, parameters);
        ResultSet results = statement.executeQuery()) {
      return results.next() ? results.getLong(1) : 0;
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  /** Rows of any number, read in portions instead of all at once. */
  public void forEach(
      String sql, java.util.function.Consumer<Row> reader, @Nullable Object... parameters) {
    try (PreparedStatement statement = prepared(sql, parameters)) {
      statement.setFetchSize(500);
      try (ResultSet results = statement.executeQuery()) {
        Row row = new Row(results);
        while (results.next()) {
          reader.accept(row);
        }
      }
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  /** Makes every statement of this transaction see the same state; must come first. */
  public void readOneSnapshot() {
    update("set transaction isolation level repeatable read");
  }

  /** Runs something on this thread once the transaction is committed, and only then. */
  public void afterCommit(Runnable act) {
    afterCommit.add(act);
  }

  void committed() {
    afterCommit.forEach(Runnable::run);
  }

  private PreparedStatement prepared(String sql, @Nullable Object[] parameters)
      throws SQLException {
    PreparedStatement statement = connection.prepareStatement(sql);
    try {
      bind(statement, parameters);
      return statement;
    } catch (SQLException e) {
      statement.close();
      throw e;
    }
  }

  private void bind(PreparedStatement statement, @Nullable Object[] parameters)
      throws SQLException {
    for (int i = 0; i < parameters.length; i++) {
      statement.setObject(i + 1, toSql(parameters[i]));
    }
  }

  private @Nullable Object toSql(@Nullable Object value) throws SQLException {
    return switch (value) {
      case Instant instant -> instant.atOffset(ZoneOffset.UTC);
      case long[] numbers -> array("bigint", java.util.Arrays.stream(numbers).boxed().toArray());
      // PostgreSQL's text cannot hold the character 0, and devices send what they like.
      case String text -> text.replace('\0', '\uFFFD');
      case Collection<?> values -> array(elementType(values), values.toArray());
      case null -> null;
      default -> value;
    };
  }

  private static String elementType(Collection<?> values) {
    return values.stream().allMatch(Long.class::isInstance) && !values.isEmpty()
        ? "bigint"
        : "text";
  }

  private Array array(String type, @Nullable Object[] values) throws SQLException {
    return connection.createArrayOf(type, values);
  }
}
