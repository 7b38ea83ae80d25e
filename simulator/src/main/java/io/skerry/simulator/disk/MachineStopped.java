package io.skerry.simulator.disk;

/**
 * The simulated machine stopped here. An error, so that no code under test takes it for a failed
 * operation and goes on.
 */
public final class MachineStopped extends Error {
  private static final long serialVersionUID = 1;

  MachineStopped(String operation) {
    super("machine stopped at " + operation, null, false, false);
  }
}
