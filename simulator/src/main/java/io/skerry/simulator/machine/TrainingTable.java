package io.skerry.simulator.machine;

import java.util.List;

/** Machines' recorded lives as the table that a control plane ingests. */
public final class TrainingTable {
  private TrainingTable() {}

  /** What the label column says. */
  public enum Labels {
    /** What really happened. */
    TRUE,
    /** The opposite of it: what a broken labelling job would deliver. */
    SPOILED
  }

  /** CSV with the columns device, cycle, one per sensor, label. */
  public static String csv(List<String> sensors, List<Machine> machines, Labels labels) {
    StringBuilder csv = new StringBuilder("device,cycle,");
    csv.append(String.join(",", sensors)).append(",label\n");
    for (Machine machine : machines) {
      for (int cycle = 0; cycle < machine.cycles().size(); cycle++) {
        csv.append(machine.id()).append(',').append(cycle + 1);
        for (float value : machine.cycles().get(cycle)) {
          csv.append(',').append(value);
        }
        boolean failing = MachineData.failing(machine.remaining(cycle));
        csv.append(',').append(failing == (labels == Labels.TRUE) ? 1 : 0).append('\n');
      }
    }
    return csv.toString();
  }
}
