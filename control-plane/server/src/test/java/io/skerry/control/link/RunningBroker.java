package io.skerry.control.link;

import com.hivemq.client.mqtt.MqttClientSslConfig;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import io.skerry.control.access.Caller;
import io.skerry.control.access.DeviceIdentity;
import io.skerry.control.host.DataFolder;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The embedded broker with an authority of its own, without database and HTTP. */
final class RunningBroker implements AutoCloseable {
  final TestAuthority authority;
  final BrokerRules rules;
  private final Broker broker;
  private final DataFolder folder;
  private final int port;

  RunningBroker(
      Path root, int port, BrokerConfig config, TestAuthority authority, BrokerRules rules) {
    this.authority = authority;
    this.rules = rules;
    this.folder = DataFolder.open(root);
    try {
      Files.createDirectories(root.resolve("stores"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    this.broker = new Broker(folder, config, rules, authority.brokerStores(root.resolve("stores")));
    boolean started = false;
    try {
      this.port = broker.start("127.0.0.1", port);
      started = true;
    } finally {
      if (!started) {
        close();
      }
    }
  }

  static RunningBroker start(Path root) {
    return start(root, BrokerConfig.DEFAULTS);
  }

  static RunningBroker start(Path root, BrokerConfig config) {
    return new RunningBroker(root, 0, config, new TestAuthority(), rules(new Known(), config));
  }

  static BrokerRules rules(DeviceIdentity identities, BrokerConfig config) {
    return new BrokerRules(identities, new DeviceTraffic(config));
  }

  /** Believes the URI in a certificate, unless it is revoked. */
  static final class Known implements DeviceIdentity {
    final Set<String> revoked = ConcurrentHashMap.newKeySet();

    @Override
    public Optional<Caller.Device> identityOf(X509Certificate certificate) {
      return Optional.of(certificate.getSubjectX500Principal().getName().substring("CN=".length()))
          .filter(name -> !revoked.contains(name))
          .map(name -> new Caller.Device(new TenantId("default"), new DeviceId(name)));
    }
  }

  int port() {
    return port;
  }

  Mqtt5BlockingClient client(String clientId, MqttClientSslConfig tls) {
    return Mqtt5Client.builder()
        .identifier(clientId)
        .serverHost("127.0.0.1")
        .serverPort(port())
        .sslConfig(tls)
        .buildBlocking();
  }

  /** A client of a device under its own client id. */
  Mqtt5BlockingClient device(String name) {
    return client("default/" + name, authority.device(name).tls());
  }

  @Override
  public void close() {
    broker.close();
    folder.close();
  }
}
