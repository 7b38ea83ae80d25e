package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.skerry.control.sql.DuckDb;
import io.skerry.control.sql.Row;
import io.skerry.protocol.ModelName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Blob;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;

/** Parquet files of sealed samples, written and read with DuckDB. */
final class SampleFiles {
  private static final int THREADS = 1;
  private static final int MEGABYTES = 512;
  private static final String TABLE =
      """
      create table sample (device varchar, boot_epoch bigint, sequence bigint,
        prediction_id varchar, subject varchar, slot varchar, model varchar, version bigint,
        at_micros bigint, inclusion_probability double, stratum varchar, sealed blob)
      """;

  private SampleFiles() {}

  /** Takes rows of {@code telemetry_sample}. */
  interface Rows {
    void forEach(Consumer<Row> row);
  }

  /** Whose samples leave a file. */
  record Erased(String column, String value) {}

  /**
   * Writes rows to a new file: beside its place first, flushed, then renamed.
   *
   * @return the file's bytes
   */
  static long write(Path file, Rows rows) {
    return filled(
        file,
        connection -> {
          try (Statement statement = connection.createStatement()) {
            statement.execute(TABLE);
          }
          try (DuckDBAppender appender =
              connection.unwrap(DuckDBConnection.class).createAppender("main", "sample")) {
            rows.forEach(row -> append(appender, row));
          }
        });
  }

  /** Writes what files hold to one new file, and returns that file's bytes. */
  static long merge(List<Path> files, Path file) {
    return filled(
        file,
        connection -> {
          try (Statement statement = connection.createStatement()) {
            statement.execute(
                "create table sample as select * from %s order by device, boot_epoch, sequence"
                    .formatted(from(files)));
          }
        });
  }

  /** Writes what a file holds, but for what is erased, to a new file, and returns its bytes. */
  static long without(Path source, Erased erased, Path file) {
    return filled(
        file,
        connection -> {
          try (PreparedStatement statement =
              connection.prepareStatement(
                  "create table sample as select * from %s where %s <> ?"
                      .formatted(from(List.of(source)), erased.column()))) {
            statement.setString(1, erased.value());
            statement.execute();
          }
        });
  }

  /** How many samples of a file are to be erased. */
  static long count(Path file, Erased erased) {
    try (Connection connection = DuckDb.open(THREADS, MEGABYTES);
        PreparedStatement statement =
            connection.prepareStatement(
                "select count(*) from %s where %s = ?"
                    .formatted(from(List.of(file)), erased.column()))) {
      statement.setString(1, erased.value());
      try (ResultSet results = statement.executeQuery()) {
        return results.next() ? results.getLong(1) : 0;
      }
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }

  private interface Fill {
    void into(Connection connection) throws SQLException;
  }

  private static long filled(Path file, Fill fill) {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Path folder = file.resolveSibling("").normalize();
    try {
      Files.createDirectories(folder);
      try (Connection connection = DuckDb.open(THREADS, MEGABYTES)) {
        fill.into(connection);
        try (Statement statement = connection.createStatement()) {
          statement.execute(
              "copy sample to '%s' (format parquet, compression zstd)".formatted(quoted(part)));
        }
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
          .append(row.text("subject"))
          .append(row.text("slot"))
          .append(row.text("model"))
          .append(row.bigint("version"))
          .append(ChronoUnit.MICROS.between(Instant.EPOCH, row.instant("at")))
          .append(row.number("inclusion_probability"))
          .append(row.text("stratum"))
          .append(row.bytes("sealed"))
          .endRow();
    } catch (SQLException e) {
      throw new IllegalStateException("a sample could not be written", e);
    }
  }

  /** A sample as it lies in a file. */
  record Stored(
      String device,
      long bootEpoch,
      long sequence,
      String slot,
      String model,
      long version,
      Instant at,
      double inclusionProbability,
      String stratum,
      ByteString sealed) {}

  static void read(
      List<Path> files, ModelName model, Instant from, Instant until, Consumer<Stored> reader) {
    read(
        "select * from %s where model = ? and at_micros >= ? and at_micros < ?"
            .formatted(from(files)),
        statement -> {
          statement.setString(1, model.value());
          statement.setLong(2, micros(from));
          statement.setLong(3, micros(until));
        },
        reader);
  }

  /** Reads the samples of one prediction. */
  static void read(List<Path> files, String predictionId, Consumer<Stored> reader) {
    read(
        "select * from %s where prediction_id = ?".formatted(from(files)),
        statement -> statement.setString(1, predictionId),
        reader);
  }

  /** The predictions of a subject, each as {@code device/prediction}. */
  static List<String> predictions(List<Path> files, String subject) {
    try (Connection connection = DuckDb.open(THREADS, MEGABYTES);
        PreparedStatement statement =
            connection.prepareStatement(
                "select device || '/' || prediction_id from %s where subject = ?"
                    .formatted(from(files)))) {
      statement.setString(1, subject);
      List<String> predictions = new ArrayList<>();
      try (ResultSet results = statement.executeQuery()) {
        while (results.next()) {
          predictions.add(results.getString(1));
        }
      }
      return predictions;
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }

  private interface Bind {
    void to(PreparedStatement statement) throws SQLException;
  }

  private static void read(String sql, Bind bind, Consumer<Stored> reader) {
    try (Connection connection = DuckDb.open(THREADS, MEGABYTES);
        PreparedStatement statement = connection.prepareStatement(sql)) {
      bind.to(statement);
      try (ResultSet results = statement.executeQuery()) {
        while (results.next()) {
          reader.accept(stored(results));
        }
      }
    } catch (SQLException e) {
      throw unreadable(e);
    }
  }

  private static Stored stored(ResultSet row) throws SQLException {
    Blob sealed = row.getBlob("sealed");
    return new Stored(
        row.getString("device"),
        row.getLong("boot_epoch"),
        row.getLong("sequence"),
        row.getString("slot"),
        row.getString("model"),
        row.getLong("version"),
        Instant.EPOCH.plus(row.getLong("at_micros"), ChronoUnit.MICROS),
        row.getDouble("inclusion_probability"),
        row.getString("stratum"),
        ByteString.copyFrom(sealed.getBytes(1, Math.toIntExact(sealed.length()))));
  }

  private static IllegalStateException unreadable(SQLException cause) {
    return new IllegalStateException("samples could not be read", cause);
  }

  private static String from(List<Path> files) {
    return files.stream()
        .map(file -> "'" + quoted(file) + "'")
        .collect(Collectors.joining(", ", "read_parquet([", "], hive_partitioning = false)"));
  }

  // Beyond the range of micros nothing was ever sampled.
  private static long micros(Instant at) {
    try {
      return ChronoUnit.MICROS.between(Instant.EPOCH, at);
    } catch (ArithmeticException e) {
      return at.isBefore(Instant.EPOCH) ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
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
