package io.skerry.control;

import io.skerry.control.access.Secrets;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A PostgreSQL server of our own, its data in the data folder. */
final class EmbeddedDatabase implements AutoCloseable {
  static final String USER = "postgres";
  private static final Duration STOP_WAIT = Duration.ofSeconds(20);

  // The server is made without a password; other users of this machine shall not come in.
  private static final String LOGIN_RULES =
      """
      # Written by skerry: passwords only.
      local all all scram-sha-256
      host all all 127.0.0.1/32 scram-sha-256
      host all all ::1/128 scram-sha-256
      """;

  private final EmbeddedPostgres server;
  private final String password;

  private EmbeddedDatabase(EmbeddedPostgres server, String password) {
    this.server = server;
    this.password = password;
  }

  static EmbeddedDatabase start(DataFolder folder) {
    Path data = folder.root().resolve("postgres");
    endOrphan(data.resolve("postmaster.pid"));
    try {
      EmbeddedDatabase database = start(data, password(folder));
      database.requirePassword(data.resolve("pg_hba.conf"));
      return database;
    } catch (IOException | SQLException | IllegalStateException e) {
      throw new StartException(
          "the embedded PostgreSQL in %s did not start: %s".formatted(data, e.getMessage()), e);
    }
  }

  private static String password(DataFolder folder) throws IOException {
    Path file = folder.keys().resolve("postgres.password");
    if (!Files.exists(file)) {
      folder.writePrivately(file, Secrets.random() + "\n");
    }
    return Files.readString(file, StandardCharsets.US_ASCII).strip();
  }

  private static EmbeddedDatabase start(Path data, String password) throws IOException {
    return new EmbeddedDatabase(
        EmbeddedPostgres.builder()
            .setDataDirectory(data)
            .setCleanDataDirectory(false)
            .setOverrideWorkingDirectory(binaries().toFile())
            .setServerConfig("max_connections", "100")
            .setServerConfig("shared_buffers", "64MB")
            .setServerConfig("fsync", "on")
            .setServerConfig("full_page_writes", "on")
            .setServerConfig("synchronous_commit", "on")
            .setPGStartupWait(Duration.ofSeconds(60))
            .setRegisterShutdownHook(false)
            .setConnectConfig("password", password)
            .start(),
        password);
  }

  // The password comes first and the rule after it, so a start that was cut short can go on.
  private void requirePassword(Path rules) throws IOException, SQLException {
    if (Files.readString(rules, StandardCharsets.UTF_8).equals(LOGIN_RULES)) {
      return;
    }
    try (Connection connection = DriverManager.getConnection(url(), USER, password);
        Statement statement = connection.createStatement()) {
      statement.execute("alter role postgres password '" + password + "'");
      Files.writeString(rules, LOGIN_RULES, StandardCharsets.UTF_8);
      statement.execute("select pg_reload_conf()");
    }
  }

  String password() {
    return password;
  }

  String url() {
    return "jdbc:postgresql://127.0.0.1:%d/postgres".formatted(server.getPort());
  }

  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Unpacked once per user, shared by every data folder.
  private static Path binaries() throws IOException {
    return Files.createDirectories(
        Path.of(
            System.getProperty("java.io.tmpdir"),
            "skerry-" + System.getProperty("user.name"),
            "postgresql"));
  }

  // A server that was killed leaves its PostgreSQL behind. We hold the folder's lock, so nobody
  // else can be using it.
  private static void endOrphan(Path pidFile) {
    try {
      if (!Files.exists(pidFile)) {
        return;
      }
      long pid = Long.parseLong(Files.readAllLines(pidFile, StandardCharsets.US_ASCII).getFirst());
      ProcessHandle.of(pid).filter(EmbeddedDatabase::isPostgres).ifPresent(EmbeddedDatabase::end);
    } catch (IOException | NumberFormatException e) {
      throw new StartException("%s cannot be read: %s".formatted(pidFile, e.getMessage()), e);
    }
  }

  private static boolean isPostgres(ProcessHandle process) {
    return process.info().command().map(command -> command.endsWith("postgres")).orElse(false);
  }

  private static void end(ProcessHandle process) {
    process.destroy();
    try {
      process.onExit().get(STOP_WAIT.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (java.util.concurrent.ExecutionException e) {
      throw new IllegalStateException("waiting for process %d failed".formatted(process.pid()), e);
    }
  }
}
