package io.skerry.simulator.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads NASA's turbofan data set FD001: {@code train_FD001.txt}, {@code test_FD001.txt} and {@code
 * RUL_FD001.txt}, blank-separated columns unit, cycle, 3 settings, 21 sensors.
 *
 * @see <a href="https://doi.org/10.1109/PHM.2008.4711414">Saxena et al. 2008</a>
 */
public final class CmapssFiles {
  /** The 14 sensors that vary in FD001, numbered from 1 as in the data set's description. */
  private static final int[] INFORMATIVE = {2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21};

  private static final int FIRST_SENSOR_COLUMN = 5;
  private static final int COLUMNS = 26;

  private CmapssFiles() {}

  /**
   * Reads the three files of a folder.
   *
   * @throws IOException if one is missing or malformed; the message names file and line
   */
  public static MachineData read(Path folder) throws IOException {
    List<String> sensors = new ArrayList<>();
    for (int sensor : INFORMATIVE) {
      sensors.add("s" + sensor);
    }
    Map<String, List<float[]>> training = cycles(folder.resolve("train_FD001.txt"));
    Map<String, List<float[]>> live = cycles(folder.resolve("test_FD001.txt"));
    List<Integer> remaining = remaining(folder.resolve("RUL_FD001.txt"));
    if (remaining.size() != live.size()) {
      throw new IOException(
          "%s: %d values for %d machines of test_FD001.txt"
              .formatted(folder.resolve("RUL_FD001.txt"), remaining.size(), live.size()));
    }
    List<Machine> trainingMachines = new ArrayList<>();
    training.forEach((unit, rows) -> trainingMachines.add(new Machine("train-" + unit, rows, 0)));
    List<Machine> liveMachines = new ArrayList<>();
    live.forEach(
        (unit, rows) ->
            liveMachines.add(
                new Machine("live-" + unit, rows, remaining.get(liveMachines.size()))));
    return new MachineData(sensors, trainingMachines, liveMachines);
  }

  private static Map<String, List<float[]>> cycles(Path file) throws IOException {
    Map<String, List<float[]>> units = new LinkedHashMap<>();
    int line = 0;
    for (String text : lines(file)) {
      line++;
      String[] columns = text.trim().split("\\s+");
      // A header row and empty rows occur in circulating copies.
      if (text.isBlank() || !Character.isDigit(text.trim().charAt(0))) {
        continue;
      }
      if (columns.length != COLUMNS) {
        throw new IOException(
            "%s, line %d: %d columns, C-MAPSS files have %d"
                .formatted(file, line, columns.length, COLUMNS));
      }
      float[] row = new float[INFORMATIVE.length];
      for (int i = 0; i < row.length; i++) {
        row[i] = number(file, line, columns[FIRST_SENSOR_COLUMN + INFORMATIVE[i] - 1]);
      }
      units.computeIfAbsent(columns[0], unit -> new ArrayList<>()).add(row);
    }
    if (units.isEmpty()) {
      throw new IOException(file + ": no machine in it");
    }
    return units;
  }

  private static List<Integer> remaining(Path file) throws IOException {
    List<Integer> values = new ArrayList<>();
    int line = 0;
    for (String text : lines(file)) {
      line++;
      if (!text.isBlank() && Character.isDigit(text.trim().charAt(0))) {
        values.add((int) number(file, line, text.trim().split("\\s+")[0]));
      }
    }
    return values;
  }

  private static List<String> lines(Path file) throws IOException {
    if (!Files.isReadable(file)) {
      throw new IOException(
          file
              + ": not there or not readable; --data wants a folder with train_FD001.txt,"
              + " test_FD001.txt and RUL_FD001.txt");
    }
    return Files.readAllLines(file);
  }

  private static float number(Path file, int line, String text) throws IOException {
    try {
      float value = Float.parseFloat(text);
      if (Float.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      throw new IOException("%s, line %d: '%s' is no number".formatted(file, line, text), e);
    }
    throw new IOException("%s, line %d: '%s' is not finite".formatted(file, line, text));
  }
}
