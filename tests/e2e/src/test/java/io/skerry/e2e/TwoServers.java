package io.skerry.e2e;

import io.skerry.artifact.OciLayout;
import io.skerry.e2e.net.MosquittoProcess;
import io.skerry.e2e.net.TcpProxy;
import io.skerry.e2e.scene.Await;
import io.skerry.protocol.Digest;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.sql.DataSource;

/** Two servers on one database and one broker outside. */
final class TwoServers implements AutoCloseable {
  private static final Duration TAKEN_OVER_WITHIN = Duration.ofSeconds(40);

  private final EmbeddedPostgres postgres;
  private final MosquittoProcess broker;
  private final List<Place> places;
  private int talking;

  private TwoServers(EmbeddedPostgres postgres, MosquittoProcess broker, List<Place> places) {
    this.postgres = postgres;
    this.broker = broker;
    this.places = places;
  }

  /** Where a server runs, again and again; its line to the broker can fail. */
  private static final class Place {
    final Path folder;
    final TcpProxy line;
    final List<String> options;
    RunningServer server;

    Place(Path folder, int database, int brokerPort) throws Exception {
      this.folder = Files.createDirectories(folder);
      this.line = TcpProxy.before(brokerPort);
      Path config =
          Files.writeString(
              folder.resolve("server.yaml"),
              "broker: {host: 127.0.0.1, port: %d}\n".formatted(line.port()));
      this.options =
          List.of(
              "--config",
              config.toString(),
              "--database-url",
              "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres&ApplicationName=%s"
                  .formatted(database, folder.getFileName()));
      this.server = RunningServer.start(folder, options);
    }
  }

  /** Starts both; the first one talks to the devices. */
  static TwoServers start(Path folder) throws Exception {
    EmbeddedPostgres postgres = EmbeddedPostgres.builder().start();
    int port = MosquittoProcess.freePort();
    List<Place> places = new ArrayList<>();
    places.add(new Place(folder.resolve("a"), postgres.getPort(), port));
    Path data = folder.resolve("a/data");
    copy(data.resolve("keys"), folder.resolve("b/data/keys"));
    Files.createSymbolicLink(folder.resolve("b/data/blobs"), data.resolve("blobs"));
    Path files = Files.createDirectories(folder.resolve("broker"));
    copy(data.resolve("broker/tls"), files.resolve("tls"));
    MosquittoProcess broker = MosquittoProcess.start(files, files.resolve("tls"), port);
    TwoServers both = new TwoServers(postgres, broker, places);
    both.awaitTalking("nobody");
    places.add(new Place(folder.resolve("b"), postgres.getPort(), port));
    return both;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path copy = to.resolve(from.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
  }

  /** Brings an artifact to where both find it. */
  void take(OciLayout layout) throws IOException {
    Path blobs = places.getFirst().folder.resolve("data/blobs/sha256");
    for (Digest digest : layout.blobs()) {
      // Two artifacts have the same empty configuration.
      Files.copy(
          layout.blob(digest), blobs.resolve(digest.hex()), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** Where the key lies with which they release. */
  Path releaseKey() {
    return places.getFirst().folder.resolve("data/keys/automation.pem");
  }

  int brokerPort() {
    return broker.port();
  }

  DataSource database() {
    return postgres.getPostgresDatabase();
  }

  /** The one that talks to the devices. */
  RunningServer talking() {
    return places.get(talking).server;
  }

  /** The one that stands by. */
  RunningServer standing() {
    return places.get(1 - talking).server;
  }

  /** Lets nothing through from the one that talks to the broker, until it is killed. */
  void holdUp() {
    places.get(talking).line.partition(TcpProxy.Way.UP);
  }

  /** Ends the one that talks with SIGKILL and waits for the other one. */
  void kill() throws Exception {
    String holder = holder();
    talking().kill();
    places.get(talking).line.heal();
    talking = 1 - talking;
    awaitTalking(holder);
  }

  /** Lets the one that talks stand still, in no transaction, and waits for the other one. */
  void stop() throws Exception {
    String holder = holder();
    Path name = places.get(talking).folder.getFileName();
    Await.until(
        TAKEN_OVER_WITHIN,
        "a server that stands still in no transaction",
        () -> {
          talking().stands(true);
          Thread.sleep(100);
          boolean free =
              number(
                      """
                      select count(*) from pg_stat_activity
                      where application_name = ? and state <> 'idle'
                      """,
                      name.toString())
                  == 0;
          if (!free) {
            talking().stands(false);
          }
          return free;
        },
        () -> "in a transaction");
    talking = 1 - talking;
    awaitTalking(holder);
  }

  /** Starts again what was killed. */
  void startAgain() throws Exception {
    Place place = places.get(1 - talking);
    place.server = RunningServer.start(place.folder, place.options);
  }

  /** The log of the one that stands by. */
  String logOfStanding() {
    try {
      return Files.readString(places.get(1 - talking).folder.resolve("server.log"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitTalking(String before) throws Exception {
    Await.until(
        TAKEN_OVER_WITHIN,
        "another server at the broker",
        () ->
            !holder().equals(before)
                && number("select count(*) from link_lease where until > now()") == 1,
        this::holder);
  }

  private String holder() {
    return text("select coalesce(holder, 'nobody') from link_lease");
  }

  long number(String sql, Object... arguments) {
    return Long.parseLong(text(sql, arguments));
  }

  /** The first column of the first row. */
  String text(String sql, Object... arguments) {
    return texts(sql, arguments).getFirst();
  }

  /** The first column. */
  List<String> texts(String sql, Object... arguments) {
    try (Connection connection = database().getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < arguments.length; i++) {
        statement.setObject(i + 1, arguments[i]);
      }
      List<String> found = new ArrayList<>();
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          found.add(rows.getString(1));
        }
      }
      return found;
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  @Override
  public void close() {
    for (Place place : places) {
      place.server.close();
      place.line.close();
    }
    broker.close();
    try {
      postgres.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
