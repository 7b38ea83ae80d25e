package io.skerry.telemetry.drift;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Lives of degrading machines: rows of sensor values, one per cycle. */
final class Machines {
  static final int SENSORS = 14;
  private static final int[] COLUMNS = {2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21};
  private static final int CYCLES_MIN = 60;

  private Machines() {}

  static List<double[][]> cmapss(Path file) throws IOException {
    Map<Integer, List<double[]>> engines = new TreeMap<>();
    for (String line : Files.readAllLines(file)) {
      String[] fields = line.trim().split("\\s+", -1);
      if (fields[0].matches("\\d+")) {
        double[] row = new double[SENSORS];
        for (int i = 0; i < SENSORS; i++) {
          row[i] = Double.parseDouble(fields[4 + COLUMNS[i]]);
        }
        engines.computeIfAbsent(Integer.valueOf(fields[0]), id -> new ArrayList<>()).add(row);
      }
    }
    return engines.values().stream()
        .filter(rows -> rows.size() >= CYCLES_MIN)
        .map(rows -> rows.toArray(double[][]::new))
        .toList();
  }

  static List<double[][]> generated(int machines, long seed) {
    Random random = new Random(seed);
    double[] direction = new double[SENSORS];
    for (int i = 0; i < SENSORS; i++) {
      direction[i] = (i % 3 == 0 ? -1 : 1) * (1.5 + i % 4);
    }
    List<double[][]> lives = new ArrayList<>();
    for (int machine = 0; machine < machines; machine++) {
      int cycles = 80 + random.nextInt(120);
      int failsAt = cycles + random.nextInt(60);
      double[] offset = random.doubles(SENSORS, -.5, .5).toArray();
      double[][] life = new double[cycles][SENSORS];
      for (int cycle = 0; cycle < cycles; cycle++) {
        double wear = Math.exp(4 * ((double) cycle / failsAt - 1));
        for (int i = 0; i < SENSORS; i++) {
          life[cycle][i] =
              100 + 10 * i + offset[i] + direction[i] * wear + .7 * random.nextGaussian();
        }
      }
      lives.add(life);
    }
    return lives;
  }
}
