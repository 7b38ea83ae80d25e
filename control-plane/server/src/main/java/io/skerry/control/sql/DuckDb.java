package io.skerry.control.sql;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** DuckDB inside this process, for Parquet files: it downloads nothing, and its size is bounded. */
public final class DuckDb {
  private static final Logger log = LoggerFactory.getLogger(DuckDb.class);
  private static final Path MAPPED = Path.of("/proc/self/maps");
  private static final String LIBRARY = "/libduckdb_java";
  private static final AtomicBoolean UNLINKED = new AtomicBoolean();

  private DuckDb() {}

  /**
   * An empty database in memory.
   *
   * @param threads that one query may use
   * @param megabytes that it may use
   */
  public static Connection open(int threads, int megabytes) throws SQLException {
    Connection connection = DriverManager.getConnection("jdbc:duckdb:");
    try (Statement statement = connection.createStatement()) {
      statement.execute("set autoinstall_known_extensions = false");
      statement.execute("set threads = " + threads);
      statement.execute("set memory_limit = '%dMB'".formatted(megabytes));
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
    if (!UNLINKED.getAndSet(true)) {
      unlinkLibrary();
    }
    return connection;
  }

  // The driver unpacks its library of 60 MB into the folder for temporary files and removes it when
  // the process ends, which one that is killed never does. Loaded, it needs no name any more.
  private static void unlinkLibrary() {
    if (!Files.exists(MAPPED)) {
      return;
    }
    try {
      for (Path library : libraries()) {
        Files.deleteIfExists(library);
      }
    } catch (IOException e) {
      log.atWarn().addKeyValue("cause", e).log("DuckDB's library stays until this process ends");
    }
  }

  // One that is installed beside the driver stays.
  private static List<Path> libraries() throws IOException {
    Path temporary = Path.of(System.getProperty("java.io.tmpdir")).toRealPath();
    try (Stream<String> lines = Files.lines(MAPPED)) {
      return lines
          .filter(line -> line.contains(LIBRARY) && !line.endsWith(" (deleted)"))
          .map(line -> Path.of(line.substring(line.indexOf('/'))))
          .filter(library -> library.startsWith(temporary))
          .distinct()
          .toList();
    }
  }
}
