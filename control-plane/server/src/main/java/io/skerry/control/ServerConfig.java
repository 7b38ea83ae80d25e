package io.skerry.control;

import io.skerry.control.ca.CaConfig;
import io.skerry.control.device.TrustConfig;
import io.skerry.control.host.ServerNames;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.link.BrokerConfig;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * The whole configuration.
 *
 * @param dataDir folder for everything that is kept
 * @param host address to listen on; the console speaks plain HTTP on loopback, HTTPS elsewhere
 * @param publicHost name or address that devices use; empty = host
 * @param port console and API; 0 = a free one
 * @param devicePort the devices' HTTPS: enrolment, certificates, artifacts; 0 = a free one
 * @param mqttPort embedded broker; 0 = a free one
 * @param profiles folder with hardware profiles of your own, beside the built-in ones; empty = none
 * @param broker an outside broker, and what one device may send
 * @param database where the database is
 * @param ingest how records from devices are stored
 * @param ca how certificates are issued
 * @param trust how fresh what devices know must be
 */
record ServerConfig(
    Path dataDir,
    String host,
    String publicHost,
    int port,
    int devicePort,
    int mqttPort,
    String profiles,
    BrokerConfig broker,
    DatabaseConfig database,
    IngestConfig ingest,
    CaConfig ca,
    TrustConfig trust) {
  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9.:_-]{1,253}");

  static final ServerConfig DEFAULTS =
      new ServerConfig(
          Path.of(System.getProperty("user.home"), ".skerry"),
          "127.0.0.1",
          "",
          8080,
          8443,
          8883,
          "",
          BrokerConfig.DEFAULTS,
          DatabaseConfig.DEFAULTS,
          IngestConfig.DEFAULTS,
          CaConfig.DEFAULTS,
          TrustConfig.DEFAULTS);

  ServerConfig {
    checkPort("port", port);
    checkPort("device-port", devicePort);
    checkPort("mqtt-port", mqttPort);
    checkHost("host", host);
    if (!publicHost.isEmpty()) {
      checkHost("public-host", publicHost);
    }
    if (isWildcard(host) && publicHost.isEmpty()) {
      throw new IllegalArgumentException(
          "host is '%s', every address: say with public-host which name devices use"
              .formatted(host));
    }
  }

  ServerConfig withDataDir(Path changed) {
    return new ServerConfig(
        changed,
        host,
        publicHost,
        port,
        devicePort,
        mqttPort,
        profiles,
        broker,
        database,
        ingest,
        ca,
        trust);
  }

  ServerConfig withHost(String changed) {
    return withHosts(changed, publicHost);
  }

  ServerConfig withHosts(String changed, String changedPublic) {
    return new ServerConfig(
        dataDir,
        changed,
        changedPublic,
        port,
        devicePort,
        mqttPort,
        profiles,
        broker,
        database,
        ingest,
        ca,
        trust);
  }

  ServerConfig withPort(int changed) {
    return new ServerConfig(
        dataDir,
        host,
        publicHost,
        changed,
        devicePort,
        mqttPort,
        profiles,
        broker,
        database,
        ingest,
        ca,
        trust);
  }

  ServerConfig withDevicePort(int changed) {
    return new ServerConfig(
        dataDir,
        host,
        publicHost,
        port,
        changed,
        mqttPort,
        profiles,
        broker,
        database,
        ingest,
        ca,
        trust);
  }

  ServerConfig withMqttPort(int changed) {
    return new ServerConfig(
        dataDir,
        host,
        publicHost,
        port,
        devicePort,
        changed,
        profiles,
        broker,
        database,
        ingest,
        ca,
        trust);
  }

  ServerConfig withProfiles(String changed) {
    return new ServerConfig(
        dataDir,
        host,
        publicHost,
        port,
        devicePort,
        mqttPort,
        changed,
        broker,
        database,
        ingest,
        ca,
        trust);
  }

  ServerConfig withBroker(BrokerConfig changed) {
    return new ServerConfig(
        dataDir,
        host,
        publicHost,
        port,
        devicePort,
        mqttPort,
        profiles,
        changed,
        database,
        ingest,
        ca,
        trust);
  }

  ServerConfig withDatabase(DatabaseConfig changed) {
    return new ServerConfig(
        dataDir,
        host,
        publicHost,
        port,
        devicePort,
        mqttPort,
        profiles,
        broker,
        changed,
        ingest,
        ca,
        trust);
  }

  ServerConfig withCa(CaConfig changed) {
    return new ServerConfig(
        dataDir,
        host,
        publicHost,
        port,
        devicePort,
        mqttPort,
        profiles,
        broker,
        database,
        ingest,
        changed,
        trust);
  }

  /** What the server is called. */
  ServerNames names() {
    return new ServerNames(host, publicHost.isEmpty() ? host : publicHost);
  }

  /** Whether only this machine reaches the server. */
  boolean isLocal() {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  private static void checkPort(String key, int port) {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("%s is %d: must be 0 to 65535".formatted(key, port));
    }
  }

  private static void checkHost(String key, String host) {
    if (!HOST.matcher(host).matches()) {
      throw new IllegalArgumentException(
          "%s is '%s': must be a host name or an address".formatted(key, host));
    }
  }

  private static boolean isWildcard(String host) {
    try {
      return InetAddress.ofLiteral(host).isAnyLocalAddress();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
