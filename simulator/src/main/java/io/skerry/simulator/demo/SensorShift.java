package io.skerry.simulator.demo;

import io.skerry.simulator.machine.Machine;
import io.skerry.simulator.machine.MachineData;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A sensor that loses its calibration.
 *
 * @param sensor index of the sensor
 * @param name of the sensor
 * @param amount added to every value
 * @param rocAuc what is left of the model's ROC AUC on training machines
 */
record SensorShift(int sensor, String name, float amount, double rocAuc) {
  /** In standard deviations over whole lives. */
  private static final double DEVIATIONS = 4;

  /** Every so many cycles of a training machine one window is tried. */
  private static final int STRIDE = 25;

  /** A model to be tried: a window, shape [sensors][cycles], to a score. */
  interface Scorer {
    double score(float[] window);
  }

  private static final class Window {
    private final float[] values;
    private final boolean failing;

    private Window(float[] values, boolean failing) {
      this.values = values;
      this.failing = failing;
    }
  }

  private record Scored(double score, boolean failing) {}

  /** The shift, up or down, of the one sensor that hurts this model most. */
  static SensorShift worstFor(Scorer model, MachineData data) {
    List<Window> windows = windows(data);
    SensorShift worst = new SensorShift(0, "", 0, 2);
    for (int sensor = 0; sensor < data.sensors().size(); sensor++) {
      double deviation = deviation(data, sensor);
      for (int sign = -1; sign <= 1; sign += 2) {
        float amount = (float) (sign * DEVIATIONS * deviation);
        double rocAuc = rocAuc(model, windows, sensor, amount);
        if (rocAuc < worst.rocAuc) {
          worst = new SensorShift(sensor, data.sensors().get(sensor), amount, rocAuc);
        }
      }
    }
    return worst;
  }

  private static List<Window> windows(MachineData data) {
    List<Window> windows = new ArrayList<>();
    int sensors = data.sensors().size();
    for (Machine machine : data.training()) {
      int last = machine.cycles().size() - 1;
      for (int end = last; end >= MachineData.WINDOW - 1; end -= STRIDE) {
        float[] values = new float[sensors * MachineData.WINDOW];
        for (int c = 0; c < MachineData.WINDOW; c++) {
          float[] cycle = machine.cycles().get(end - MachineData.WINDOW + 1 + c);
          for (int s = 0; s < sensors; s++) {
            values[s * MachineData.WINDOW + c] = cycle[s];
          }
        }
        windows.add(new Window(values, MachineData.failing(machine.remaining(end))));
      }
    }
    return windows;
  }

  private static double rocAuc(Scorer model, List<Window> windows, int sensor, float amount) {
    List<Scored> scored = new ArrayList<>();
    for (Window window : windows) {
      float[] shifted = window.values.clone();
      for (int c = 0; c < MachineData.WINDOW; c++) {
        shifted[sensor * MachineData.WINDOW + c] += amount;
      }
      scored.add(new Scored(model.score(shifted), window.failing));
    }
    return rocAuc(scored);
  }

  /** The Mann-Whitney statistic: the share of pairs in the right order, ties counting half. */
  private static double rocAuc(List<Scored> scored) {
    List<Scored> ascending =
        scored.stream().sorted(Comparator.comparingDouble(Scored::score)).toList();
    double positives = 0;
    double rankSum = 0;
    int from = 0;
    while (from < ascending.size()) {
      int to = from;
      while (to < ascending.size() && ascending.get(to).score == ascending.get(from).score) {
        to++;
      }
      double rank = (from + 1 + to) / 2.0;
      for (Scored tied : ascending.subList(from, to)) {
        if (tied.failing) {
          positives++;
          rankSum += rank;
        }
      }
      from = to;
    }
    double negatives = scored.size() - positives;
    return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
  }

  private static double deviation(MachineData data, int sensor) {
    double n = 0;
    double mean = 0;
    double squares = 0;
    for (Machine machine : data.training()) {
      for (float[] cycle : machine.cycles()) {
        n++;
        double difference = cycle[sensor] - mean;
        mean += difference / n;
        squares += difference * (cycle[sensor] - mean);
      }
    }
    return Math.sqrt(squares / n);
  }
}
