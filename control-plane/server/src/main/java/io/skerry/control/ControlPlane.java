package io.skerry.control;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.micronaut.context.ApplicationContext;
import io.micronaut.http.server.netty.NettyEmbeddedServer;
import io.micronaut.runtime.server.EmbeddedServer;
import io.skerry.control.access.FirstAdmin;
import io.skerry.control.ca.BrokerFiles;
import io.skerry.control.device.GenerationTerm;
import io.skerry.control.device.Profiles;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.host.Addresses;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.DevicePort;
import io.skerry.control.host.ServerAddress;
import io.skerry.control.host.ServerReady;
import io.skerry.control.host.StartException;
import io.skerry.control.ingest.LakeOwner;
import io.skerry.control.ingest.ModelRetention;
import io.skerry.control.link.Broker;
import io.skerry.control.link.ControlLink;
import io.skerry.control.link.LinkLease;
import io.skerry.control.sql.Database;
import io.skerry.profile.ProfileCatalog;
import io.skerry.profile.ProfileException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running control plane: data folder, database, broker, HTTP server, started in this order and
 * ended in the opposite one.
 */
final class ControlPlane implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ControlPlane.class);

  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private @Nullable ServerAddress address;
  private @Nullable ApplicationContext context;
  private Optional<String> firstToken = Optional.empty();
  private DatabaseConfig database = DatabaseConfig.DEFAULTS;

  private ControlPlane() {}

  /**
   * Starts everything; what was started ends again if something fails.
   *
   * @throws StartException with one line that says what is in the way
   */
  static ControlPlane start(ServerConfig config) {
    ControlPlane plane = new ControlPlane();
    boolean started = false;
    try {
      plane.open(config);
      started = true;
      return plane;
    } finally {
      if (!started) {
        plane.close();
      }
    }
  }

  /** Where it is reached. */
  ServerAddress address() {
    if (address == null) {
      throw new IllegalStateException("not started");
    }
    return address;
  }

  /** The admin's token, when this was the first start. */
  Optional<String> firstToken() {
    return firstToken;
  }

  /** A part of it, for tests. */
  <T> T bean(Class<T> type) {
    if (context == null) {
      throw new IllegalStateException("not started");
    }
    return context.getBean(type);
  }

  /** How its database is reached. */
  DatabaseConfig database() {
    return database;
  }

  private void open(ServerConfig config) {
    // First, because nothing else can be wrong with it, and nothing was started that must end.
    Profiles profiles = new Profiles(catalog(config.profiles()));
    DataFolder folder = opened(DataFolder.open(config.dataDir()));
    FreePort.require(config.host(), config.port(), "--port");
    FreePort.require(config.host(), config.devicePort(), "--device-port");
    FreePort.require(config.host(), config.mqttPort(), "--mqtt-port");
    DevicePort devicePort = new DevicePort(FreePort.chosen(config.host(), config.devicePort()));
    HikariDataSource source = opened(connect(config.database(), folder));
    database =
        new DatabaseConfig(
            source.getJdbcUrl(),
            text(source.getUsername()),
            text(source.getPassword()),
            config.database().connectionsMax());
    migrate(source);

    ApplicationContext made =
        ApplicationContext.builder()
            .banner(false)
            .deduceEnvironment(false)
            .properties(properties(config, devicePort, folder.emptied(DataFolder.UPLOADS)))
            .singletons(
                config,
                config.ingest(),
                config.ca(),
                config.trust(),
                config.names(),
                devicePort,
                profiles,
                config.broker(),
                folder,
                new Database(source))
            .build();
    context = made;
    made.start();
    // Ended in the opposite order: first what works on messages, then what carries them.
    Broker broker = opened(made.getBean(Broker.class));
    ControlLink link = opened(made.getBean(ControlLink.class));
    opened(made::stop);
    made.getBean(LakeOwner.class).require();
    made.getBean(ModelRetention.class).checkOutlasting();
    made.getBean(SigningKeys.class);
    firstToken = made.getBean(FirstAdmin.class).createIfNone();
    made.getBean(GenerationTerm.class).begin();
    int mqttPort = startLink(config, broker, made, link);

    EmbeddedServer server = made.getBean(EmbeddedServer.class);
    startHttp(server, config);
    String publicHost = config.names().publicHost();
    ServerAddress opened =
        new ServerAddress(
            config.isLocal()
                ? address("http", config.host(), consolePort(server, devicePort))
                : address("https", publicHost, consolePort(server, devicePort)),
            address("https", publicHost, devicePort.number()),
            config.broker().isEmbedded() ? publicHost : config.broker().host(),
            mqttPort);
    made.getBean(Addresses.class).open(opened);
    made.publishEvent(new ServerReady(opened));
    address = opened;
    folder.writePrivately(
        folder.root().resolve("server.json"),
        "{\"url\":\"%s\",\"controlBase\":\"%s\",\"mqttPort\":%d,\"pid\":%d}\n"
            .formatted(
                opened.url(),
                opened.controlBase(),
                opened.mqttPort(),
                ProcessHandle.current().pid()));
  }

  private static URI address(String scheme, String host, int port) {
    return URI.create(
        "%s://%s:%d".formatted(scheme, host.contains(":") ? "[" + host + "]" : host, port));
  }

  private static int consolePort(EmbeddedServer server, DevicePort devices) {
    return ((NettyEmbeddedServer) server)
        .getBoundPorts().stream()
            .filter(port -> port != devices.number())
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("the console's port is not open"));
  }

  private static int startLink(
      ServerConfig config, Broker broker, ApplicationContext made, ControlLink link) {
    if (!config.broker().isEmbedded()) {
      made.getBean(BrokerFiles.class).begin(config.broker().host());
      link.keepConnecting(
          config.broker().host(), config.broker().port(), made.getBean(LinkLease.class));
      return config.broker().port();
    }
    int port = broker.start(config.host(), config.mqttPort());
    link.connect(reachable(config.host()), port);
    return port;
  }

  // An address that stands for every one is none to connect to.
  private static String reachable(String host) {
    try {
      return InetAddress.getByName(host).isAnyLocalAddress() ? "127.0.0.1" : host;
    } catch (UnknownHostException e) {
      return host;
    }
  }

  private HikariDataSource connect(DatabaseConfig config, DataFolder folder) {
    HikariConfig pool = new HikariConfig();
    pool.setPoolName("skerry");
    pool.setMaximumPoolSize(config.connectionsMax());
    pool.setMinimumIdle(2);
    pool.addDataSourceProperty("reWriteBatchedInserts", "true");
    if (config.isEmbedded()) {
      EmbeddedDatabase database = opened(EmbeddedDatabase.start(folder));
      pool.setJdbcUrl(database.url());
      pool.setUsername(EmbeddedDatabase.USER);
      pool.setPassword(database.password());
    } else {
      pool.setJdbcUrl(config.url());
      if (!config.user().isEmpty()) {
        pool.setUsername(config.user());
      }
      if (!config.password().isEmpty()) {
        pool.setPassword(config.password());
      }
    }
    try {
      return new HikariDataSource(pool);
    } catch (RuntimeException e) {
      throw new StartException(
          "the database %s does not answer: %s".formatted(withoutSecrets(pool), e.getMessage()), e);
    }
  }

  private static String text(@Nullable String value) {
    return value == null ? "" : value;
  }

  private static String withoutSecrets(HikariConfig pool) {
    return pool.getJdbcUrl().replaceAll("\\?.*", "");
  }

  private static void migrate(HikariDataSource source) {
    try {
      Flyway.configure().dataSource(source).outOfOrder(true).load().migrate();
    } catch (FlywayException e) {
      throw new StartException(
          "the database could not be brought up to date: " + e.getMessage(), e);
    }
  }

  private static ProfileCatalog catalog(String folder) {
    try {
      return ProfileCatalog.load(
          folder.isEmpty() ? Optional.empty() : Optional.of(Path.of(folder)));
    } catch (ProfileException | IOException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    }
  }

  private static Map<String, Object> properties(
      ServerConfig config, DevicePort devicePort, Path uploads) {
    Map<String, Object> properties = new HashMap<>();
    properties.put("micronaut.application.name", "skerry");
    String listeners = "micronaut.server.netty.listeners.";
    properties.put(listeners + "console.host", config.host());
    properties.put(listeners + "console.port", config.port() == 0 ? -1 : config.port());
    properties.put(listeners + "console.ssl", !config.isLocal());
    properties.put(listeners + "devices.host", config.host());
    properties.put(listeners + "devices.port", devicePort.number());
    properties.put(listeners + "devices.ssl", true);
    properties.put("micronaut.server.max-request-size", "256MB");
    properties.put("micronaut.server.multipart.max-file-size", "256MB");
    properties.put("micronaut.server.multipart.disk", true);
    properties.put("micronaut.server.multipart.location", uploads.toString());
    properties.put("micronaut.server.thread-selection", "blocking");
    properties.put("micronaut.serde.serialization.inclusion", "ALWAYS");
    return properties;
  }

  private static void startHttp(EmbeddedServer server, ServerConfig config) {
    try {
      server.start();
    } catch (RuntimeException e) {
      if (isTaken(e)) {
        throw new StartException(
            "port %d or %d on %s is taken: stop the program that uses it, or choose others with"
                    .formatted(config.port(), config.devicePort(), config.host())
                + " --port and --device-port",
            e);
      }
      throw e;
    }
  }

  private static boolean isTaken(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof BindException) {
        return true;
      }
    }
    return false;
  }

  private <T extends AutoCloseable> T opened(T part) {
    parts.push(part);
    return part;
  }

  @Override
  public void close() {
    while (!parts.isEmpty()) {
      AutoCloseable part = parts.pop();
      try {
        part.close();
      } catch (Exception e) {
        log.atWarn()
            .setCause(e)
            .addKeyValue("part", part.getClass())
            .log("part did not end cleanly");
      }
    }
  }
}
