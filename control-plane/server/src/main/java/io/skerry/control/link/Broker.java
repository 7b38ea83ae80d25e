package io.skerry.control.link;

import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
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
  // Paho reads the receive maximum as a signed short, so it must stay below 32,768.
  private static final String CONFIGURATION =
      """
      <?xml version="1.0"?>
      <hivemq>
        <listeners>
          <tcp-listener>
            <port>%d</port>
            <bind-address>%s</bind-address>
          </tcp-listener>
        </listeners>
        <mqtt>
          <queued-messages>
            <max-queue-size>100000</max-queue-size>
            <strategy>discard-oldest</strategy>
          </queued-messages>
          <packets>
            <max-packet-size>300000</max-packet-size>
          </packets>
          <receive-maximum>
            <server-receive-maximum>1000</server-receive-maximum>
          </receive-maximum>
        </mqtt>
        <restrictions>
          <no-connect-idle-timeout>10000</no-connect-idle-timeout>
        </restrictions>
        <security>
          <allow-empty-client-id>
            <enabled>false</enabled>
          </allow-empty-client-id>
        </security>
        <anonymous-usage-statistics>
          <enabled>false</enabled>
        </anonymous-usage-statistics>
        <persistence>
          <mode>in-memory</mode>
        </persistence>
      </hivemq>
      """;

  private final DataFolder folder;
  private final BrokerRules rules;
  private @Nullable EmbeddedHiveMQ running;

  Broker(DataFolder folder, BrokerRules rules) {
    this.folder = folder;
    this.rules = rules;
  }

  /**
   * Starts it.
   *
   * @param port 0 = a free one
   * @return the port it listens on
   * @throws StartException if it cannot
   */
  public int start(String host, int port) {
    int chosen = checkedFree(host, port);
    EmbeddedHiveMQ broker = build(host, chosen);
    try {
      broker.start().get(WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new StartException("the broker did not start: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StartException("the broker's start was interrupted", e);
    }
    running = broker;
    return chosen;
  }

  private EmbeddedHiveMQ build(String host, int port) {
    Path base = folder.child("broker");
    try {
      Path configuration = Files.createDirectories(base.resolve("conf"));
      Files.writeString(
          configuration.resolve("config.xml"),
          CONFIGURATION.formatted(port, host),
          StandardCharsets.UTF_8);
      return EmbeddedHiveMQ.builder()
          .withConfigurationFolder(configuration)
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
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
