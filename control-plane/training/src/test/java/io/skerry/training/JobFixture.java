package io.skerry.training;

import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.npy.NpyArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Job folders to train on: machines that wear out, made up from a seed or read from C-MAPSS. */
final class JobFixture {
  static final int WINDOW = 30;
  private static final int HORIZON = 30;
  private static final int[] SENSORS = {2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21};
  private static final int COLUMNS_BEFORE_SENSORS = 5;

  private final List<float[]> windows = new ArrayList<>();
  private final List<Integer> labels = new ArrayList<>();
  private final List<Integer> splits = new ArrayList<>();
  private final List<Integer> slices = new ArrayList<>();
  private final int features;
  private final int classes;

  private JobFixture(int features, int classes) {
    this.features = features;
    this.classes = classes;
  }

  /** Machines whose sensors drift faster the nearer their end is; the last feature is constant. */
  static JobFixture madeUp(int machines, long seed) {
    return madeUp(machines, 2, seed);
  }

  /** The same, of two classes (near its end or not) or three (at its end, too). */
  static JobFixture madeUp(int machines, int classes, long seed) {
    int features = 4;
    JobFixture fixture = new JobFixture(features, classes);
    Random random = new Random(seed);
    for (int machine = 0; machine < machines; machine++) {
      int life = 80 + random.nextInt(60);
      float[][] cycles = new float[life][features];
      for (int cycle = 0; cycle < life; cycle++) {
        double wear = Math.exp((cycle - life) / 25.0);
        cycles[cycle][0] = (float) (500 + 20 * wear + random.nextGaussian() * 2);
        cycles[cycle][1] = (float) (0.03 - 0.01 * wear + random.nextGaussian() * 0.002);
        cycles[cycle][2] = (float) (8000 + random.nextGaussian() * 30);
        cycles[cycle][3] = 100;
      }
      fixture.add(cycles, machine, machines);
    }
    return fixture;
  }

  static JobFixture cmapss(Path file) throws IOException {
    JobFixture fixture = new JobFixture(SENSORS.length, 2);
    Map<String, List<float[]>> engines = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file).stream().skip(1).toList()) {
      String[] columns = line.strip().split("\\s+");
      float[] row = new float[SENSORS.length];
      for (int i = 0; i < row.length; i++) {
        row[i] = Float.parseFloat(columns[COLUMNS_BEFORE_SENSORS + SENSORS[i] - 1]);
      }
      engines.computeIfAbsent(columns[0], id -> new ArrayList<>()).add(row);
    }
    int engine = 0;
    for (List<float[]> cycles : engines.values()) {
      fixture.add(cycles.toArray(float[][]::new), engine++, engines.size());
    }
    return fixture;
  }

  private void add(float[][] cycles, int machine, int machines) {
    // Every machine belongs to one split as a whole, mixed by a fixed stride.
    int place = machine * 37 % machines;
    int split = place < machines * 0.7 ? 0 : place < machines * 0.85 ? 1 : 2;
    for (int end = WINDOW; end <= cycles.length; end++) {
      float[] window = new float[features * WINDOW];
      for (int feature = 0; feature < features; feature++) {
        for (int step = 0; step < WINDOW; step++) {
          window[feature * WINDOW + step] = cycles[end - WINDOW + step][feature];
        }
      }
      windows.add(window);
      int left = cycles.length - end;
      labels.add(left > HORIZON ? 0 : classes > 2 && left <= HORIZON / 3 ? 2 : 1);
      splits.add(split);
      slices.add(machine % 2);
    }
  }

  JobFolder write(Path folder, int epochs) throws IOException {
    Map<String, Object> job = new LinkedHashMap<>();
    job.put("kind", "train");
    job.put("model", "engine-health");
    job.put("version", 1);
    job.put("seed", 7);
    job.put("epochs", epochs);
    job.put("window", WINDOW);
    job.put("classes", classes);
    job.put("slice", "site=b");
    List<String> names = new ArrayList<>();
    for (int feature = 0; feature < features; feature++) {
      names.add("s" + feature);
    }
    job.put("features", names);
    JobFolder written = JobFolder.create(folder, job);
    int count = windows.size();
    float[] x = new float[count * features * WINDOW];
    float[] y = new float[count];
    byte[] split = new byte[count];
    byte[] slice = new byte[count];
    for (int i = 0; i < count; i++) {
      System.arraycopy(windows.get(i), 0, x, i * features * WINDOW, features * WINDOW);
      y[i] = labels.get(i);
      split[i] = splits.get(i).byteValue();
      slice[i] = slices.get(i).byteValue();
    }
    NpyArray.ofFloats(x, count, features, WINDOW).write(written.input("x.npy"));
    NpyArray.ofFloats(y, count).write(written.input("y.npy"));
    NpyArray.ofBytes(split, count).write(written.input("split.npy"));
    NpyArray.ofBytes(slice, count).write(written.input("slice.npy"));
    return written;
  }

  static void spoil(JobFolder job, String file, int index, float value) throws IOException {
    NpyArray array = NpyArray.read(job.input(file));
    if (array.type() == NpyArray.Type.FLOAT32) {
      float[] data = Arrays.copyOf(array.floats(), array.length());
      data[index] = value;
      NpyArray.ofFloats(data, array.shape()).write(job.input(file));
    } else {
      byte[] data = Arrays.copyOf(array.bytes(), array.length());
      data[index] = (byte) value;
      NpyArray.ofBytes(data, array.shape()).write(job.input(file));
    }
  }
}
