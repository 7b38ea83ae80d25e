package io.skerry.simulator.machine;

import java.util.List;

/**
 * One machine's recorded life.
 *
 * @param cycles sensor values, [cycle][sensor], oldest first
 * @param remainingAtEnd cycles that remained after the last recorded one; 0 when it ran to failure
 */
public record Machine(String id, List<float[]> cycles, int remainingAtEnd) {
  public Machine {
    cycles = List.copyOf(cycles);
  }

  /** Cycles that remain after this one, from 0. */
  public int remaining(int cycle) {
    return remainingAtEnd + cycles.size() - 1 - cycle;
  }
}
