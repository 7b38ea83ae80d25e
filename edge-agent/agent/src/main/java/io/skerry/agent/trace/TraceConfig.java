package io.skerry.agent.trace;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which calls are traced, and who is told.
 *
 * @param collector {@code http://HOST:PORT}, not encrypted, or {@code https://HOST:PORT}
 * @param authorities certificates, in PEM, of those who may vouch for an https collector; the
 *     runtime's own when empty
 * @param ratio the share of calls that are traced, 0 to 1; a caller that is part of a trace itself
 *     decides for its call
 * @param instance which agent this is; empty when it has no name
 */
public record TraceConfig(
    URI collector, Optional<Path> authorities, double ratio, String instance) {
  private static final int USUAL_PORT = 4317;

  /**
   * Checks address and ratio.
   *
   * @throws IllegalArgumentException if one cannot be
   */
  public TraceConfig {
    String scheme = String.valueOf(collector.getScheme());
    boolean bare =
        (collector.getPath() == null || collector.getPath().matches("/?"))
            && collector.getQuery() == null
            && collector.getUserInfo() == null;
    if (!scheme.matches("https?") || collector.getHost() == null || !bare) {
      throw new IllegalArgumentException(
          "'%s' is no collector: write http://HOST:PORT or https://HOST:PORT, where it takes OTLP over gRPC (4317 is the usual port)"
              .formatted(collector));
    }
    if (authorities.isPresent() && !scheme.equals("https")) {
      throw new IllegalArgumentException(
          "'%s' is not encrypted, so nobody vouches for it: write https://".formatted(collector));
    }
    if (!(ratio >= 0 && ratio <= 1)) {
      throw new IllegalArgumentException("ratio is %s, expected 0 to 1".formatted(ratio));
    }
  }

  /**
   * Reads a collector's address.
   *
   * @throws IllegalArgumentException if it cannot be one
   */
  public static TraceConfig of(String collector, Optional<Path> authorities, double ratio) {
    try {
      return new TraceConfig(new URI(collector), authorities, ratio, "");
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(
          "'%s' is no collector: %s".formatted(collector, e.getReason()), e);
    }
  }

  /** The same for the agent of this name. */
  public TraceConfig at(String name) {
    return new TraceConfig(collector, authorities, ratio, name);
  }

  int port() {
    return collector.getPort() < 0 ? USUAL_PORT : collector.getPort();
  }

  boolean isEncrypted() {
    return collector.getScheme().equals("https");
  }
}
