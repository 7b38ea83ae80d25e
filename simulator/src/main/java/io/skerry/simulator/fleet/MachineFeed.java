package io.skerry.simulator.fleet;

import io.skerry.simulator.machine.Machine;
import io.skerry.simulator.machine.MachineData;

/**
 * Plays a machine's life cycle by cycle and starts again when it has run out. Not thread-safe.
 *
 * <p>A window holds the newest cycles of one life only: after a new start it fills up again.
 */
public final class MachineFeed {
  private final Machine machine;
  private final int sensors;
  private final float[] shift;
  private final float[] window;
  private int cycle;
  private int filled;

  /**
   * Creates a feed.
   *
   * @param sensors values per cycle
   * @param start the cycle to begin with; taken modulo the machine's recorded cycles
   */
  public MachineFeed(Machine machine, int sensors, int start) {
    this.machine = machine;
    this.sensors = sensors;
    this.shift = new float[sensors];
    this.window = new float[sensors * MachineData.WINDOW];
    this.cycle = Math.floorMod(start, machine.cycles().size()) - 1;
    // What the machine did before counts too: a device that is attached late has its history.
    int history = Math.max(0, cycle + 2 - MachineData.WINDOW);
    for (int past = history; past <= cycle; past++) {
      append(machine.cycles().get(past));
    }
  }

  /** Adds this to every later value of a sensor: a sensor that has lost its calibration. */
  public void shift(int sensor, float amount) {
    shift[sensor] = amount;
  }

  /** Goes on by one cycle. */
  public void tick() {
    cycle++;
    if (cycle == machine.cycles().size()) {
      cycle = 0;
      filled = 0;
    }
    append(machine.cycles().get(cycle));
  }

  /** Whether the window is full, so that the model can be asked. */
  public boolean ready() {
    return filled >= MachineData.WINDOW;
  }

  /** The newest cycles, shape [sensors][cycles], oldest cycle first; a copy. */
  public float[] window() {
    return window.clone();
  }

  /** What will turn out to be true of the newest cycle. */
  public boolean failing() {
    return MachineData.failing(machine.remaining(cycle));
  }

  private void append(float[] values) {
    System.arraycopy(window, 1, window, 0, window.length - 1);
    for (int s = 0; s < sensors; s++) {
      window[s * MachineData.WINDOW + MachineData.WINDOW - 1] = values[s] + shift[s];
    }
    filled++;
  }
}
