package io.skerry.simulator.demo;

import io.skerry.simulator.machine.MachineSource;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * How to run the demo.
 *
 * @param home the build tree
 * @param devices simulated devices, beside the one real agent
 * @param tick one machine cycle
 * @param port of the console and the API; 0 takes a free one
 * @param once ends after the loop instead of going on live
 * @param json where to write what happened
 */
record DemoOptions(
    Path home,
    MachineSource machines,
    int devices,
    Duration tick,
    int port,
    boolean once,
    Optional<Path> json) {
  /** Machine cycles in one counting window. */
  static final int WINDOW_TICKS = 20;

  /** Windows that a stage soaks. */
  static final int SOAK_WINDOWS = 2;

  Duration window() {
    return tick.multipliedBy(WINDOW_TICKS);
  }
}
