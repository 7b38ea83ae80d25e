package io.skerry.cli;

import io.skerry.api.client.SkerryClient;
import java.io.IOException;
import java.io.Reader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * Where the control plane is and who asks: options, over the environment (SKERRY_URL, SKERRY_TOKEN,
 * SKERRY_CA), over {@code ~/.config/skerry/config} with its lines {@code server=}, {@code token=}
 * and {@code ca=}.
 */
final class ServerOptions {
  private static final String LOCAL = "http://127.0.0.1:8080";

  private final Map<String, String> environment;

  @Option(names = "--server", paramLabel = "URL", description = "the control plane's address")
  private @Nullable String server;

  @Option(names = "--token", paramLabel = "TOKEN", description = "access token")
  private @Nullable String token;

  @Option(
      names = "--ca",
      paramLabel = "FILE",
      description = "the control plane's certificate authority: keys/ca.pem of its data folder")
  private @Nullable String ca;

  ServerOptions(Map<String, String> environment) {
    this.environment = environment;
  }

  /**
   * A client of the chosen control plane.
   *
   * @throws CommandFailed if there is no token or the address is none
   */
  SkerryClient client() {
    Properties file = file();
    String url =
        first(server, environment.get("SKERRY_URL"), file.getProperty("server")).orElse(LOCAL);
    String secret =
        first(token, environment.get("SKERRY_TOKEN"), file.getProperty("token"))
            .orElseThrow(
                () ->
                    new CommandFailed(
                        ExitCodes.NOT_ALLOWED,
                        "not logged in to %s: give --token, set SKERRY_TOKEN, or write token=... to %s"
                            .formatted(url, path())));
    Optional<String> authority = first(ca, environment.get("SKERRY_CA"), file.getProperty("ca"));
    return authority.isPresent()
        ? new SkerryClient(address(url), secret, Path.of(authority.get()))
        : new SkerryClient(address(url), secret);
  }

  private static URI address(String url) {
    try {
      URI address = URI.create(url.replaceAll("/+$", ""));
      if (("http".equals(address.getScheme()) || "https".equals(address.getScheme()))
          && address.getHost() != null) {
        return address;
      }
    } catch (IllegalArgumentException ignored) {
      // Told below, like other addresses that are none.
    }
    throw new CommandFailed(
        ExitCodes.USAGE, "server '%s' is not an address such as %s".formatted(url, LOCAL));
  }

  private Properties file() {
    Properties properties = new Properties();
    if (Files.isRegularFile(path())) {
      try (Reader reader = Files.newBufferedReader(path(), StandardCharsets.UTF_8)) {
        properties.load(reader);
      } catch (IOException | IllegalArgumentException e) {
        throw new CommandFailed(
            ExitCodes.FAILED, "%s cannot be read: %s".formatted(path(), e.getMessage()));
      }
    }
    return properties;
  }

  private Path path() {
    String base = environment.get("XDG_CONFIG_HOME");
    Path folder =
        base == null || base.isBlank()
            ? Path.of(environment.getOrDefault("HOME", "."), ".config")
            : Path.of(base);
    return folder.resolve("skerry").resolve("config");
  }

  private static Optional<String> first(@Nullable String... candidates) {
    for (String candidate : candidates) {
      if (candidate != null && !candidate.isBlank()) {
        return Optional.of(candidate.strip());
      }
    }
    return Optional.empty();
  }
}
