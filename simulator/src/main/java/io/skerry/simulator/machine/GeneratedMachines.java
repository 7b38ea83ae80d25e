package io.skerry.simulator.machine;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Machines made from a seed, comparable to C-MAPSS FD001: lives of 128 to about 350 cycles, 14
 * sensors that drift away from their healthy level as a power of the life used, plus noise.
 */
public final class GeneratedMachines {
  private static final int SENSORS = 14;
  private static final int MACHINES = 100;
  private static final int LIFE_MIN = 128;
  private static final double LIFE_MEAN = 200;
  private static final double LIFE_DEVIATION = 46;
  private static final int LIVE_CYCLES_MIN = 31;

  private GeneratedMachines() {}

  /** The same machines for the same seed. */
  public static MachineData create(long seed) {
    Random random = new Random(seed);
    double[] level = new double[SENSORS];
    double[] noise = new double[SENSORS];
    double[] wear = new double[SENSORS];
    for (int s = 0; s < SENSORS; s++) {
      level[s] = Math.pow(10, 1 + 3 * random.nextDouble());
      noise[s] = level[s] * (0.0005 + 0.0015 * random.nextDouble());
      // In units of the noise: at failure a sensor is 3 to 6 deviations away, up or down.
      wear[s] = noise[s] * (3 + 3 * random.nextDouble()) * (random.nextBoolean() ? 1 : -1);
    }
    List<Machine> training = new ArrayList<>();
    List<Machine> live = new ArrayList<>();
    for (int i = 0; i < MACHINES; i++) {
      training.add(new Machine("train-" + (i + 1), life(random, level, noise, wear), 0));
    }
    for (int i = 0; i < MACHINES; i++) {
      List<float[]> life = life(random, level, noise, wear);
      int seen = LIVE_CYCLES_MIN + random.nextInt(life.size() - LIVE_CYCLES_MIN);
      live.add(new Machine("live-" + (i + 1), life.subList(0, seen), life.size() - seen));
    }
    List<String> sensors = new ArrayList<>();
    for (int s = 0; s < SENSORS; s++) {
      sensors.add("s" + (s + 1));
    }
    return new MachineData(sensors, training, live);
  }

  private static List<float[]> life(Random random, double[] level, double[] noise, double[] wear) {
    int cycles = (int) Math.max(LIFE_MIN, LIFE_MEAN + LIFE_DEVIATION * random.nextGaussian());
    double initialWear = 0.15 * random.nextDouble();
    double exponent = 2.5 + random.nextDouble();
    double[] offset = new double[SENSORS];
    for (int s = 0; s < SENSORS; s++) {
      offset[s] = 0.3 * noise[s] * random.nextGaussian();
    }
    List<float[]> rows = new ArrayList<>(cycles);
    for (int c = 0; c < cycles; c++) {
      double used = initialWear + (1 - initialWear) * Math.pow(c / (cycles - 1.0), exponent);
      float[] row = new float[SENSORS];
      for (int s = 0; s < SENSORS; s++) {
        row[s] = (float) (level[s] + offset[s] + wear[s] * used + noise[s] * random.nextGaussian());
      }
      rows.add(row);
    }
    return rows;
  }
}
