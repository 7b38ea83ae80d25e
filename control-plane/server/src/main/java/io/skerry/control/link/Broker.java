package io.skerry.control.link;

import com.hivemq.configuration.service.InternalConfigurations;
import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import io.skerry.control.ca.ServerTls;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The embedded broker. It keeps nothing over a restart: devices free their records only when they
 * are committed, and every desired document is published again.
 */
@Singleton
public final class Broker implements AutoCloseable {
  private static final int WAIT_SECONDS = 60;

  private final DataFolder folder;
  private final BrokerConfig config;
  private final BrokerRules rules;
  private final Stores stores;
  private @Nullable EmbeddedHiveMQ running;

  @Inject
  Broker(DataFolder folder, BrokerConfig config, BrokerRules rules, ServerTls tls) {
    this(folder, config, rules, new Stores(tls.serverKeyStore(), tls.trustStore(), tls.password()));
  }

  Broker(DataFolder folder, BrokerConfig config, BrokerRules rules, Stores stores) {
    this.folder = folder;
    this.config = config;
    this.rules = rules;
    this.stores = stores;
  }

  /** PKCS#12 files; both, and the key, open with one password. Read again when they change. */
  record Stores(Path keyStore, Path trustStore, String password) {}

  /**
   * Starts it.
   *
   * @param port 0 = a free one
   * @return the port where it listens
   * @throws StartException if it cannot, or would run without its rules
   */
  public int start(String host, int port) {
    int chosen = checkedFree(host, port);
    EmbeddedHiveMQ broker = build(host, chosen);
    running = broker;
    try {
      broker.start().get(WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new StartException("the broker did not start: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StartException("the broker's start was interrupted", e);
    }
    if (!rules.areLoaded()) {
      throw new StartException("the broker did not load its rules: it would refuse everybody");
    }
    return chosen;
  }

  private EmbeddedHiveMQ build(String host, int port) {
    try {
      Path base = folder.child("broker");
      Path configuration = Files.createDirectories(base.resolve("conf"));
      folder.writePrivately(
          configuration.resolve("config.xml"),
          BrokerXml.of(host, port, stores, config.connectionsMax()));
      return embedded(base, rules);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static EmbeddedHiveMQ embedded(Path base, ExtensionMain rules) throws IOException {
    EmbeddedHiveMQ made =
        EmbeddedHiveMQ.builder()
            .withConfigurationFolder(base.resolve("conf"))
            .withDataFolder(Files.createDirectories(base.resolve("data")))
            .withExtensionsFolder(Files.createDirectories(base.resolve("extensions")))
            .withEmbeddedExtension(
                EmbeddedExtension.builder()
                    .withId("skerry")
                    .withName("Skerry rules")
                    .withVersion("1")
                    .withAuthor("Skerry")
                    .withPriority(1)
                    .withStartPriority(1)
                    .withExtensionMain(rules)
                    .build())
            .withoutLoggingBootstrap()
            .build();
    // The embedded form lets everybody in when its rules could not be loaded, unless it is told.
    InternalConfigurations.AUTH_DENY_UNAUTHENTICATED_CONNECTIONS.set(true);
    return made;
  }

  private static int checkedFree(String host, int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getByName(host), port));
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new StartException(
          "port %d on %s is taken: stop the program that uses it, or choose another with --mqtt-port"
              .formatted(port, host),
          e);
    }
  }

  @Override
  public void close() {
    EmbeddedHiveMQ broker = running;
    running = null;
    if (broker == null) {
      return;
    }
    try {
      broker.stop().get(WAIT_SECONDS, TimeUnit.SECONDS);
      broker.close();
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("the broker did not end", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
