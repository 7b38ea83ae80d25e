package io.skerry.agent.uplink;

import io.skerry.telemetry.sketch.LineUpkeep;
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

  /** Of a device whose day has bytes for so much upkeep of its line. */
  public static ReportCadence of(LineUpkeep upkeep) {
    return upkeep.equals(LineUpkeep.UNLIMITED)
        ? DEFAULTS
        : new ReportCadence(upkeep.report(), upkeep.report());
  }
}
