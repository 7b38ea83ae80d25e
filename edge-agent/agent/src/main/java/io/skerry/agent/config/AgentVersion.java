package io.skerry.agent.config;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.security.CodeSource;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;
import java.util.jar.Manifest;

/** The version of this program. */
public final class AgentVersion {
  private static final String BUILT_AT = "Skerry-Built-At";

  private AgentVersion() {}

  /** From the jar's manifest; {@code dev} when run from classes. */
  public static String current() {
    return Optional.ofNullable(AgentVersion.class.getPackage().getImplementationVersion())
        .orElse("dev");
  }

  /** When this program was built: no earlier time can be the right one. */
  public static Instant builtAt() {
    return Optional.ofNullable(AgentVersion.class.getProtectionDomain().getCodeSource())
        .map(CodeSource::getLocation)
        .flatMap(AgentVersion::builtAt)
        // Run from classes.
        .orElse(Instant.EPOCH);
  }

  private static Optional<Instant> builtAt(URL jar) {
    try (InputStream content =
        URI.create("jar:" + jar + "!/META-INF/MANIFEST.MF").toURL().openStream()) {
      return Optional.ofNullable(new Manifest(content).getMainAttributes().getValue(BUILT_AT))
          .map(Instant::parse);
    } catch (IOException | DateTimeException e) {
      return Optional.empty();
    }
  }
}
