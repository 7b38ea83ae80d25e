package io.skerry.control.sql;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The current row of a query; columns by name. */
public final class Row {
  private final ResultSet results;

  Row(ResultSet results) {
    this.results = results;
  }

  private interface Read<T extends @Nullable Object> {
    T from(ResultSet results) throws SQLException;
  }

  /** Text that is not null. */
  public String text(String column) {
    return required(column, results -> results.getString(column));
  }

  /** Text that may be null. */
  public Optional<String> optionalText(String column) {
    return Optional.ofNullable(read(results -> results.getString(column)));
  }

  /** An integer; null reads as 0. */
  public int integer(String column) {
    return read(results -> results.getInt(column));
  }

  /** A long integer; null reads as 0. */
  public long bigint(String column) {
    return read(results -> results.getLong(column));
  }

  /** A long integer that may be null. */
  public Optional<Long> optionalBigint(String column) {
    return Optional.ofNullable(read(results -> results.getObject(column, Long.class)));
  }

  /** A floating-point number; null reads as 0. */
  public double number(String column) {
    return read(results -> results.getDouble(column));
  }

  /** A floating-point number that may be null. */
  public Optional<Double> optionalNumber(String column) {
    return Optional.ofNullable(read(results -> results.getObject(column, Double.class)));
  }

  /** A truth value; null reads as false. */
  public boolean flag(String column) {
    return read(results -> results.getBoolean(column));
  }

  /** A moment that is not null. */
  public Instant instant(String column) {
    return optionalInstant(column).orElseThrow(() -> isNull(column));
  }

  /** A moment that may be null. */
  public Optional<Instant> optionalInstant(String column) {
    return Optional.ofNullable(read(results -> results.getObject(column, OffsetDateTime.class)))
        .map(OffsetDateTime::toInstant);
  }

  /** Bytes that are not null. */
  public byte[] bytes(String column) {
    return required(column, results -> results.getBytes(column));
  }

  /** Bytes that may be null. */
  public Optional<byte[]> optionalBytes(String column) {
    return Optional.ofNullable(read(results -> results.getBytes(column)));
  }

  /** A bigint[]; null reads as empty. */
  public long[] bigints(String column) {
    Object[] values = array(column);
    long[] numbers = new long[values.length];
    for (int i = 0; i < values.length; i++) {
      numbers[i] = ((Number) values[i]).longValue();
    }
    return numbers;
  }

  /** A text[]; null reads as empty. */
  public List<String> texts(String column) {
    return List.of(array(column)).stream().map(String::valueOf).toList();
  }

  private Object[] array(String column) {
    return read(
        results -> {
          java.sql.Array array = results.getArray(column);
          return array == null ? new Object[0] : (Object[]) array.getArray();
        });
  }

  private <T> T required(String column, Read<T> read) {
    @Nullable T value = read(read);
    if (value == null) {
      throw isNull(column);
    }
    return value;
  }

  private <T extends @Nullable Object> T read(Read<T> read) {
    try {
      return read.from(results);
    } catch (SQLException e) {
      throw new DatabaseException(e);
    }
  }

  private static IllegalStateException isNull(String column) {
    return new IllegalStateException("column '%s' is null".formatted(column));
  }
}
