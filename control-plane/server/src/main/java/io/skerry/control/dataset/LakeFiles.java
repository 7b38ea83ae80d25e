package io.skerry.control.dataset;

import io.skerry.control.sql.DuckDb;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Array;
import java.sql.Blob;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;

/**
 * A snapshot's content as Parquet, so that any engine can read it.
 *
 * <pre>
 * series.parquet     device, cycle, label, split, then a FLOAT per feature
 * collected.parquet  device, prediction, label, split, slice, tenant, model, at_micros,
 *                    sealed BLOB: the input, little-endian floats [features * window];
 *                    of builds before: input FLOAT[features * window] instead of these four
 * </pre>
 */
final class LakeFiles {
  private static final int THREADS = 2;
  private static final int MEGABYTES = 1_024;

  private LakeFiles() {}

  static void writeSeries(Path file, SnapshotContent content) throws IOException {
    StringBuilder columns =
        new StringBuilder("device VARCHAR, cycle INTEGER, label TINYINT, split TINYINT");
    content
        .features()
        .forEach(name -> columns.append(", ").append(identifier(name)).append(" FLOAT"));
    write(
        file,
        columns.toString(),
        appender -> {
          for (DeviceSeries one : content.series()) {
            byte split = content.split(one.device()).code();
            for (int row = 0; row < one.rows(); row++) {
              appender.beginRow();
              appender.append(one.device().value());
              appender.append(one.cycle(row));
              appender.append((byte) one.label(row));
              appender.append(split);
              for (int feature = 0; feature < one.features(); feature++) {
                appender.append(one.value(row, feature));
              }
              appender.endRow();
            }
          }
        });
  }

  static void writeCollected(Path file, SnapshotContent content, CollectedSeals seals)
      throws IOException {
    write(
        file,
        "device VARCHAR, prediction VARCHAR, label TINYINT, split TINYINT, slice BOOLEAN, tenant VARCHAR, model VARCHAR, at_micros BIGINT, sealed BLOB",
        appender -> {
          for (CollectedWindow one : content.collected()) {
            CollectedWindow.Origin origin = one.origin();
            appender.beginRow();
            appender.append(one.device().value());
            appender.append(one.prediction());
            appender.append((byte) one.label());
            appender.append(content.split(one.device()).code());
            appender.append(one.slice());
            appender.append(origin.tenant().value());
            appender.append(origin.model());
            appender.append(ChronoUnit.MICROS.between(Instant.EPOCH, origin.at()));
            appender.append(seals.seal(origin.tenant(), one.key(), bytes(one)));
            appender.endRow();
          }
        });
  }

  static List<DeviceSeries> readSeries(
      Path file, List<String> features, Map<DeviceId, Split> splits) throws IOException {
    Map<String, DeviceSeries> series = new HashMap<>();
    read(
        "SELECT * FROM read_parquet(%s, hive_partitioning = false) ORDER BY device, cycle"
            .formatted(literal(file)),
        rows -> {
          while (rows.next()) {
            String name = rows.getString("device");
            DeviceSeries one = series.get(name);
            if (one == null) {
              one = new DeviceSeries(new DeviceId(name), features.size());
              series.put(name, one);
              splits.put(one.device(), Split.ofCode(rows.getInt("split")));
            }
            float[] values = new float[features.size()];
            for (int i = 0; i < values.length; i++) {
              values[i] = rows.getFloat(5 + i);
            }
            one.add(rows.getInt("cycle"), values, rows.getInt("label"));
          }
        });
    return List.copyOf(series.values());
  }

  /**
   * Reads collected windows.
   *
   * @param before where those come from that a build before wrote down nothing of
   */
  static List<CollectedWindow> readCollected(
      Path file, CollectedWindow.Origin before, CollectedSeals seals, Map<DeviceId, Split> splits)
      throws IOException {
    List<CollectedWindow> collected = new ArrayList<>();
    boolean sealed = isSealed(file);
    read(
        "SELECT * FROM read_parquet(%s, hive_partitioning = false)".formatted(literal(file)),
        rows -> {
          while (rows.next()) {
            DeviceId device = new DeviceId(rows.getString("device"));
            String prediction = rows.getString("prediction");
            splits.put(device, Split.ofCode(rows.getInt("split")));
            CollectedWindow.Origin origin = sealed ? origin(rows) : before;
            collected.add(
                new CollectedWindow(
                    origin,
                    device,
                    prediction,
                    rows.getInt("label"),
                    rows.getBoolean("slice"),
                    sealed
                        ? floats(
                            seals.open(
                                origin.tenant(),
                                CollectedWindow.key(device, prediction),
                                bytes(rows.getBlob("sealed"))))
                        : floats(rows.getArray("input"))));
          }
        });
    return collected;
  }

  private static CollectedWindow.Origin origin(ResultSet rows) throws SQLException {
    return new CollectedWindow.Origin(
        new TenantId(rows.getString("tenant")),
        rows.getString("model"),
        Instant.EPOCH.plus(rows.getLong("at_micros"), ChronoUnit.MICROS));
  }

  /** Whether its inputs are sealed; those that builds before wrote are not. */
  static boolean isSealed(Path file) throws IOException {
    List<String> columns = new ArrayList<>();
    read(
        "SELECT name FROM parquet_schema(%s)".formatted(literal(file)),
        rows -> {
          while (rows.next()) {
            columns.add(rows.getString("name"));
          }
        });
    return columns.contains("sealed");
  }

  /** When the oldest window of each model was collected, by a sealed file. */
  static Map<String, Instant> oldest(Path file) throws IOException {
    Map<String, Instant> oldest = new HashMap<>();
    read(
        "SELECT model, min(at_micros) AS oldest FROM read_parquet(%s, hive_partitioning = false) GROUP BY model"
            .formatted(literal(file)),
        rows -> {
          while (rows.next()) {
            oldest.put(
                rows.getString("model"),
                Instant.EPOCH.plus(rows.getLong("oldest"), ChronoUnit.MICROS));
          }
        });
    return oldest;
  }

  /** The devices of a file. */
  static Set<String> devices(Path file) throws IOException {
    return texts("SELECT DISTINCT device FROM read_parquet(%s, hive_partitioning = false)", file);
  }

  /** The keys of collected windows. */
  static Set<String> keys(Path file) throws IOException {
    return texts(
        "SELECT device || '/' || prediction FROM read_parquet(%s, hive_partitioning = false)",
        file);
  }

  private static Set<String> texts(String sql, Path file) throws IOException {
    Set<String> texts = new HashSet<>();
    read(
        sql.formatted(literal(file)),
        rows -> {
          while (rows.next()) {
            texts.add(rows.getString(1));
          }
        });
    return texts;
  }

  private interface Fill {
    void into(DuckDBAppender appender) throws SQLException;
  }

  private interface Take {
    void from(ResultSet rows) throws SQLException;
  }

  private static void write(Path file, String columns, Fill fill) throws IOException {
    Files.createDirectories(file.toAbsolutePath().getParent());
    Path part = file.resolveSibling(file.getFileName() + ".part");
    try (Connection connection = DuckDb.open(THREADS, MEGABYTES);
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE data (" + columns + ")");
      try (DuckDBAppender appender =
          connection.unwrap(DuckDBConnection.class).createAppender("data")) {
        fill.into(appender);
      }
      statement.execute("COPY data TO %s (FORMAT parquet)".formatted(literal(part)));
    } catch (SQLException e) {
      Files.deleteIfExists(part);
      throw new IOException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
    }
    try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void read(String sql, Take take) throws IOException {
    try (Connection connection = DuckDb.open(THREADS, MEGABYTES);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      take.from(rows);
    } catch (SQLException e) {
      throw new IOException("the lake cannot be read: " + e.getMessage(), e);
    }
  }

  private static byte[] bytes(CollectedWindow window) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * window.elements()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < window.elements(); i++) {
      bytes.putFloat(window.value(i));
    }
    return bytes.array();
  }

  private static byte[] bytes(Blob blob) throws SQLException {
    return blob.getBytes(1, Math.toIntExact(blob.length()));
  }

  private static float[] floats(byte[] bytes) {
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static float[] floats(Array array) throws SQLException {
    Object[] boxed = (Object[]) array.getArray();
    float[] values = new float[boxed.length];
    for (int i = 0; i < boxed.length; i++) {
      values[i] = ((Number) boxed[i]).floatValue();
    }
    return values;
  }

  private static String identifier(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  private static String literal(Path path) {
    return "'" + path.toAbsolutePath().toString().replace("'", "''") + "'";
  }
}
