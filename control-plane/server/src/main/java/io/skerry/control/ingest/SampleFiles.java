package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.skerry.control.sql.Row;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Blob;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;

/** Parquet files of samples, written and read with DuckDB. */
final class SampleFiles {
  private static final String URL = "jdbc:duckdb:";
  private static final String TABLE =
      """
      create table sample (device varchar, boot_epoch bigint, sequence bigint, prediction_id varchar,
        client_id varchar, slot varchar, model varchar, version bigint, at_micros bigint,
        input_name varchar, input_type varchar, input_shape varchar, input blob, output blob,
        score double, inclusion_probability double, stratum varchar, record blob)
      """;

  private SampleFiles() {}

  /** Takes rows of {@code telemetry_sample}. */
  interface Rows {
    void forEach(Consumer<Row> row);
  }

  /**
   * Writes rows to a new file: beside its place first, flushed, then renamed.
   *
   * @return the file's bytes
   */
  static long write(Path file, Rows rows) {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Path folder = file.resolveSibling("").normalize();
    try {
      Files.createDirectories(folder);
      try (Connection connection = open();
          Statement statement = connection.createStatement()) {
        statement.execute(TABLE);
        try (DuckDBAppender appender =
            connection.unwrap(DuckDBConnection.class).createAppender("main", "sample")) {
          rows.forEach(row -> append(appender, row));
        }
        statement.execute(
            "copy sample to '%s' (format parquet, compression zstd)".formatted(quoted(part)));
      }
      sync(part);
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
      sync(folder);
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (SQLException e) {
      throw new IllegalStateException("samples could not be written to " + file, e);
    }
  }

  private static void append(DuckDBAppender appender, Row row) {
    try {
      appender
          .beginRow()
          .append(row.text("device"))
          .append(row.bigint("boot_epoch"))
          .append(row.bigint("sequence"))
          .append(row.text("prediction_id"))
          .append(row.text("client_id"))
          .append(row.text("slot"))
          .append(row.text("model"))
          .append(row.bigint("version"))
          .append(ChronoUnit.MICROS.between(Instant.EPOCH, row.instant("at")))
          .append(row.text("input_name"))
          .append(row.text("input_type"))
          .append(
              Arrays.stream(row.bigints("input_shape"))
                  .mapToObj(Long::toString)
                  .collect(Collectors.joining(",")))
          .append(row.bytes("input"))
          .append(row.bytes("output"));
      Optional<Double> score = row.optionalNumber("score");
      if (score.isPresent()) {
        appender.append(score.get().doubleValue());
      } else {
        appender.appendNull();
      }
      appender.append(row.number("inclusion_probability")).append(row.text("stratum"));
      Optional<byte[]> record = row.optionalBytes("record");
      if (record.isPresent()) {
        appender.append(record.get());
      } else {
        appender.appendNull();
      }
      appender.endRow();
    } catch (SQLException e) {
      throw new IllegalStateException("a sample could not be written", e);
    }
  }

  static void read(
      List<Path> files,
      ModelName model,
      Instant from,
      Instant until,
      Consumer<StoredSample> reader) {
    String list =
        files.stream()
            .map(file -> "'" + quoted(file) + "'")
            .collect(Collectors.joining(", ", "[", "]"));
    String sql =
        "select * from read_parquet(%s, hive_partitioning = false) where model = ? and at_micros >= ? and at_micros < ?"
            .formatted(list);
    try (Connection connection = open();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, model.value());
      statement.setLong(2, micros(from));
      statement.setLong(3, micros(until));
      try (ResultSet results = statement.executeQuery()) {
        while (results.next()) {
          reader.accept(sample(results));
        }
      }
    } catch (SQLException e) {
      throw new IllegalStateException("samples could not be read", e);
    }
  }

  private static StoredSample sample(ResultSet row) throws SQLException {
    double score = row.getDouble("score");
    Optional<Double> present = row.wasNull() ? Optional.empty() : Optional.of(score);
    return new StoredSample(
        new DeviceId(row.getString("device")),
        row.getString("prediction_id"),
        row.getString("client_id"),
        new SlotId(row.getString("slot")),
        new ModelVersion(new ModelName(row.getString("model")), row.getLong("version")),
        Instant.EPOCH.plus(row.getLong("at_micros"), ChronoUnit.MICROS),
        row.getString("input_name"),
        row.getString("input_type"),
        Arrays.stream(row.getString("input_shape").split(","))
            .filter(part -> !part.isEmpty())
            .map(Long::valueOf)
            .toList(),
        ByteString.copyFrom(bytes(row, "input")),
        ByteString.copyFrom(bytes(row, "output")),
        present,
        row.getDouble("inclusion_probability"),
        row.getString("stratum"));
  }

  private static byte[] bytes(ResultSet row, String column) throws SQLException {
    Blob blob = row.getBlob(column);
    return blob.getBytes(1, Math.toIntExact(blob.length()));
  }

  // Beyond the range of micros nothing was ever sampled.
  private static long micros(Instant at) {
    try {
      return ChronoUnit.MICROS.between(Instant.EPOCH, at);
    } catch (ArithmeticException e) {
      return at.isBefore(Instant.EPOCH) ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  private static Connection open() throws SQLException {
    Connection connection = DriverManager.getConnection(URL);
    try (Statement statement = connection.createStatement()) {
      statement.execute("set threads = 1");
      statement.execute("set memory_limit = '512MB'");
    }
    return connection;
  }

  private static String quoted(Path path) {
    return path.toString().replace("'", "''");
  }

  private static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
