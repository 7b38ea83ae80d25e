package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Simulation;
import io.skerry.telemetry.drift.DriftSettings;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Incidents on inputs in runs in which nothing drifts, against what is promised: no run is long
 * enough to tell, many together are. Thread-safe.
 */
public final class FalseFindings {
  /** So seldom is a promise that is kept taken for one that is broken. */
  private static final double CHANCE = 1e-4;

  /** From so many on e to the power of less is none, and the distribution is a normal one. */
  private static final double NORMAL_FROM = 500;

  /** Of a normal distribution, as many as {@link #CHANCE} lies beyond. */
  private static final double DEVIATIONS = 3.72;

  private final AtomicLong windows = new AtomicLong();
  private final AtomicLong found = new AtomicLong();

  /** Counts a run. */
  public void add(Simulation.Outcome outcome) {
    windows.addAndGet(outcome.judged());
    found.addAndGet(outcome.falseFindings());
  }

  /** Whether there was a window that could have found something, and nothing drifted. */
  public boolean isAny() {
    return windows.get() > 0;
  }

  /** What came of the promise. */
  public Claim claim() {
    long judged = windows.get();
    double promised = (double) judged / DriftSettings.DEFAULTS.windowsPerFalseAlarm();
    return Claim.atMost("false-incidents", allowed(promised), found.get(), "incidents")
        .because("of %d windows, %.2f are promised".formatted(judged, promised));
  }

  /** The most of them that chance lets happen where so many are expected (Poisson). */
  static long allowed(double expected) {
    if (expected > NORMAL_FROM) {
      return Math.round(expected + DEVIATIONS * Math.sqrt(expected));
    }
    double probability = Math.exp(-expected);
    double beyond = 1 - probability;
    long count = 0;
    while (beyond > CHANCE) {
      count++;
      probability *= expected / count;
      beyond -= probability;
    }
    return count;
  }
}
