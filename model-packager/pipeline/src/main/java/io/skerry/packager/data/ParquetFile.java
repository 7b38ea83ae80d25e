package io.skerry.packager.data;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;

/** Parquet: columns of numbers or of lists of numbers, side by side. */
final class ParquetFile {
  private ParquetFile() {}

  /** At most so many rows, evenly spread over all; no others are held. */
  static void read(Path file, int itemsMax, Rows rows) throws IOException {
    Properties streamed = new Properties();
    streamed.setProperty("jdbc_stream_results", "true");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:", streamed)) {
      int[] chosen = Samples.spread(count(connection, file), itemsMax);
      try (PreparedStatement statement = of(connection, "select *", file);
          ResultSet result = statement.executeQuery()) {
        read(file, result, chosen, rows);
      }
    } catch (SQLException e) {
      throw new IOException(String.valueOf(e.getMessage()).lines().findFirst().orElse(""), e);
    }
  }

  private static int count(Connection connection, Path file) throws SQLException {
    try (PreparedStatement statement = of(connection, "select count(*)", file);
        ResultSet result = statement.executeQuery()) {
      result.next();
      return Math.toIntExact(result.getLong(1));
    }
  }

  private static PreparedStatement of(Connection connection, String select, Path file)
      throws SQLException {
    PreparedStatement statement = connection.prepareStatement(select + " from read_parquet(?)");
    statement.setString(1, file.toAbsolutePath().toString());
    return statement;
  }

  private static void read(Path file, ResultSet result, int[] chosen, Rows rows)
      throws SQLException {
    ResultSetMetaData meta = result.getMetaData();
    List<String> header = new ArrayList<>();
    for (int i = 1; i <= meta.getColumnCount(); i++) {
      header.add(meta.getColumnName(i));
    }
    rows.name(header);
    for (int row = 0; rows.count() < chosen.length && result.next(); row++) {
      if (row != chosen[rows.count()]) {
        continue;
      }
      float[] values = new float[header.size()];
      int count = 0;
      float label = Float.NaN;
      for (int i = 0; i < header.size(); i++) {
        Object cell = result.getObject(i + 1);
        if (rows.isLabel(i)) {
          label = number(file, header.get(i), cell);
          continue;
        }
        Object[] cells =
            cell instanceof Array list ? (Object[]) list.getArray() : new Object[] {cell};
        if (count + cells.length > values.length) {
          values = Arrays.copyOf(values, Math.max(2 * values.length, count + cells.length));
        }
        for (Object each : cells) {
          values[count++] = number(file, header.get(i), each);
        }
      }
      if (!rows.add(Arrays.copyOf(values, count), label)) {
        throw new DataRefusedException(
            "%s: row %d has %d values, the first has %d: give as many in every row"
                .formatted(file, row + 1, count, rows.columns()));
      }
      DataReader.checkSize(file, rows.count(), rows.columns());
    }
  }

  private static float number(Path file, String column, Object cell) {
    return switch (cell) {
      case null -> Float.NaN;
      case Number number -> number.floatValue();
      case Boolean flag -> flag ? 1 : 0;
      default ->
          throw new DataRefusedException(
              "%s: column '%s' holds no numbers: remove it".formatted(file, column));
    };
  }
}
