package io.skerry.agent.uplink;

import java.time.Duration;

/**
 * How often a device reports when it has little to say.
 *
 * @param counters when only counters changed
 * @param heartbeat when nothing changed
 */
public record ReportCadence(Duration counters, Duration heartbeat) {
  /** Suits a fleet on ordinary links. */
  public static final ReportCadence DEFAULTS =
      new ReportCadence(Duration.ofSeconds(5), Duration.ofSeconds(30));
}
