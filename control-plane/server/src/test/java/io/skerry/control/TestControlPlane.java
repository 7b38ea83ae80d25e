package io.skerry.control;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** One real control plane for all tests of this JVM, with its own PostgreSQL and broker. */
public final class TestControlPlane {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final ControlPlane plane;
  private final Path data;
  private final String token;

  private TestControlPlane(ControlPlane plane, Path data, String token) {
    this.plane = plane;
    this.data = data;
    this.token = token;
  }

  private static final class Holder {
    static final TestControlPlane SHARED = start();
  }

  /** The shared one; ended when the JVM ends. */
  public static TestControlPlane shared() {
    return Holder.SHARED;
  }

  private static TestControlPlane start() {
    try {
      Path data = Files.createTempDirectory("skerry-test");
      ControlPlane plane = ControlPlane.start(config(data));
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> {
                    plane.close();
                    delete(data);
                  }));
      return new TestControlPlane(plane, data, plane.firstToken().orElseThrow());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static ServerConfig config(Path data) {
    return ServerConfig.DEFAULTS.withDataDir(data).withPort(0).withDevicePort(0).withMqttPort(0);
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where it is. */
  public URI url() {
    return plane.address().url();
  }

  /** The devices' HTTPS. */
  public URI controlBase() {
    return plane.address().controlBase();
  }

  /** The broker's port. */
  public int mqttPort() {
    return plane.address().mqttPort();
  }

  /** The administrator's token. */
  public String token() {
    return token;
  }

  /** Its data folder. */
  public Path data() {
    return data;
  }

  /** Its database, for a second server that shares it. */
  DatabaseConfig database() {
    return plane.database();
  }

  /** A part of it. */
  public <T> T bean(Class<T> type) {
    return plane.bean(type);
  }

  /** Asks for something as the administrator. */
  public HttpResponse<String> get(String path) {
    return send(request(path).header("Authorization", "Bearer " + token).GET());
  }

  /** Posts JSON as the administrator. */
  public HttpResponse<String> post(String path, String json) {
    return send(
        request(path)
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(json)));
  }

  /** Deletes something as the administrator. */
  public HttpResponse<String> delete(String path) {
    return send(request(path).header("Authorization", "Bearer " + token).DELETE());
  }

  /** A request to a path. */
  public HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(url().resolve(path));
  }

  /** Sends a request. */
  public HttpResponse<String> send(HttpRequest.Builder request) {
    try {
      return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
