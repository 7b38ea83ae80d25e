package io.skerry.simulator.machine;

import java.util.Comparator;
import java.util.List;

/**
 * Two disjoint sets of machines with the same sensors.
 *
 * @param sensors names, in the order of the values
 * @param training machines that ran to failure, to train on
 * @param live machines of the live fleet, cut off before failure
 */
public record MachineData(List<String> sensors, List<Machine> training, List<Machine> live) {
  /** Cycles in one model window. */
  public static final int WINDOW = 30;

  /** The outcome to predict: at most this many cycles of life remain. */
  public static final int FAILING_WITHIN = 30;

  /** A live machine with fewer recorded cycles has too little to tell. */
  public static final int LIVE_CYCLES_MIN = 60;

  public MachineData {
    sensors = List.copyOf(sensors);
    training = List.copyOf(training);
    live =
        live.stream()
            .filter(machine -> machine.cycles().size() >= LIVE_CYCLES_MIN)
            // Nearest to failure first: a small fleet then still sees both outcomes.
            .sorted(Comparator.comparingInt(Machine::remainingAtEnd).thenComparing(Machine::id))
            .toList();
  }

  /** Whether this many remaining cycles count as failing. */
  public static boolean failing(int remaining) {
    return remaining <= FAILING_WITHIN;
  }
}
