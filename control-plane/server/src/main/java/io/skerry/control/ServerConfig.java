package io.skerry.control;

import io.skerry.control.ingest.IngestConfig;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;

/**
 * The whole configuration.
 *
 * @param dataDir folder for everything that is kept
 * @param host address to listen on; only loopback until TLS exists
 * @param port console and API; 0 = a free one
 * @param mqttPort broker; 0 = a free one
 * @param database where the database is
 * @param ingest how records from devices are stored
 */
record ServerConfig(
    Path dataDir,
    String host,
    int port,
    int mqttPort,
    DatabaseConfig database,
    IngestConfig ingest) {
  static final ServerConfig DEFAULTS =
      new ServerConfig(
          Path.of(System.getProperty("user.home"), ".skerry"),
          "127.0.0.1",
          8080,
          8883,
          DatabaseConfig.DEFAULTS,
          IngestConfig.DEFAULTS);

  ServerConfig {
    checkPort("port", port);
    checkPort("mqtt-port", mqttPort);
    if (!isLoopback(host)) {
      throw new IllegalArgumentException(
          "host is '%s': without TLS only loopback addresses such as 127.0.0.1 are allowed"
              .formatted(host));
    }
  }

  ServerConfig withDataDir(Path changed) {
    return new ServerConfig(changed, host, port, mqttPort, database, ingest);
  }

  ServerConfig withHost(String changed) {
    return new ServerConfig(dataDir, changed, port, mqttPort, database, ingest);
  }

  ServerConfig withPort(int changed) {
    return new ServerConfig(dataDir, host, changed, mqttPort, database, ingest);
  }

  ServerConfig withMqttPort(int changed) {
    return new ServerConfig(dataDir, host, port, changed, database, ingest);
  }

  ServerConfig withDatabase(DatabaseConfig changed) {
    return new ServerConfig(dataDir, host, port, mqttPort, changed, ingest);
  }

  private static void checkPort(String key, int port) {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("%s is %d: must be 0 to 65535".formatted(key, port));
    }
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
