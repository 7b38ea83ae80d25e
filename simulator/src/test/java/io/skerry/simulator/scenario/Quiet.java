package io.skerry.simulator.scenario;

import java.util.logging.Level;
import java.util.logging.Logger;

/** What devices log of the faults of a run is thousands of lines that nobody reads. */
final class Quiet {
  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  private Quiet() {}

  static void please() {
    LOG.setLevel(Level.OFF);
  }
}
