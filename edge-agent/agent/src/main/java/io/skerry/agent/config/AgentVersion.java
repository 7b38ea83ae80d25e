package io.skerry.agent.config;

import java.util.Optional;

/** The version of this program. */
public final class AgentVersion {
  private AgentVersion() {}

  /** From the jar's manifest; {@code dev} when run from classes. */
  public static String current() {
    return Optional.ofNullable(AgentVersion.class.getPackage().getImplementationVersion())
        .orElse("dev");
  }
}
