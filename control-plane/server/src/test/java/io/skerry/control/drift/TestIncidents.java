package io.skerry.control.drift;

import io.skerry.control.sql.Database;
import io.skerry.control.sql.TestPlane;
import io.skerry.fleet.incident.IncidentMachine;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.Stream;
import java.time.Instant;

/** Incidents of feature f0 of engine-health in slot main, with an onset in window 10. */
public final class TestIncidents {
  private TestIncidents() {}

  /** Stores one that was opened in window 12 and tells its number. */
  public static long open(TestPlane plane, Cohort cohort, Stream.Kind kind) {
    return open(plane.database(), cohort, kind);
  }

  /** The same in a database. */
  public static long open(Database database, Cohort cohort, Stream.Kind kind) {
    return database.<Long>call(
        transaction ->
            IncidentStore.insert(
                transaction,
                new Track("main", "engine-health", 5000),
                1,
                IncidentMachine.opened(finding(cohort, kind)),
                Instant.now()));
  }

  private static DriftFinding finding(Cohort cohort, Stream.Kind kind) {
    Stream stream = new Stream("f0", kind);
    return new DriftFinding(
        cohort,
        "f0",
        stream,
        10,
        10,
        12,
        Estimate.around(1, .1),
        EffectSize.NONE,
        8,
        8,
        100,
        1,
        12,
        10,
        cohort,
        stream,
        null);
  }
}
