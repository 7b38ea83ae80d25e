package io.skerry.training;

import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.IntStream;

/** The examples of a job: windows of raw values, their labels, and what each is for. */
final class Examples {
  private final int features;
  private final int window;
  private final float[] values;
  private final boolean[] labels;
  private final boolean[] slice;
  private final Map<Split, int[]> rows;

  private Examples(
      int features,
      int window,
      float[] values,
      boolean[] labels,
      boolean[] slice,
      Map<Split, int[]> rows) {
    this.features = features;
    this.window = window;
    this.values = values;
    this.labels = labels;
    this.slice = slice;
    this.rows = rows;
  }

  static Examples read(JobFolder job, TrainingSpec spec) {
    int features = spec.features().size();
    NpyArray x = array(job, "x.npy", NpyArray.Type.FLOAT32);
    int[] shape = x.shape();
    if (shape.length != 3 || shape[1] != features || shape[2] != spec.window()) {
      throw invalid(
          "x.npy has shape %s, expected [N, %d features, %d values]"
              .formatted(Arrays.toString(shape), features, spec.window()));
    }
    int count = shape[0];
    float[] values = x.floats();
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw invalid(
            "x.npy holds %s in example %d, feature '%s'"
                .formatted(
                    values[i],
                    i / (features * spec.window()),
                    spec.features().get(i / spec.window() % features)));
      }
    }
    boolean[] labels = labels(vector(job, "y.npy", NpyArray.Type.FLOAT32, count).floats());
    byte[] splits = vector(job, "split.npy", NpyArray.Type.INT8, count).bytes();
    boolean[] slice = new boolean[count];
    if (Files.exists(job.input("slice.npy"))) {
      byte[] members = vector(job, "slice.npy", NpyArray.Type.INT8, count).bytes();
      refuseOutside("slice.npy", members, 1);
      IntStream.range(0, count).forEach(i -> slice[i] = members[i] == 1);
    }
    return new Examples(features, spec.window(), values, labels, slice, rows(splits, labels));
  }

  private static boolean[] labels(float[] numbers) {
    boolean[] labels = new boolean[numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] != 0 && numbers[i] != 1) {
        throw invalid("y.npy holds %s for example %d, expected 0 or 1".formatted(numbers[i], i));
      }
      labels[i] = numbers[i] == 1;
    }
    return labels;
  }

  private static Map<Split, int[]> rows(byte[] splits, boolean[] labels) {
    refuseOutside("split.npy", splits, Split.TEST.number());
    Map<Split, int[]> rows = new EnumMap<>(Split.class);
    for (Split split : Split.values()) {
      int[] members =
          IntStream.range(0, splits.length).filter(i -> splits[i] == split.number()).toArray();
      long positives = Arrays.stream(members).filter(i -> labels[i]).count();
      if (positives == 0 || positives == members.length) {
        throw invalid(
            "the %s split has %d positive among %d examples: both classes are needed"
                .formatted(split.text(), positives, members.length));
      }
      rows.put(split, members);
    }
    return rows;
  }

  private static void refuseOutside(String file, byte[] numbers, int largest) {
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] < 0 || numbers[i] > largest) {
        throw invalid(
            "%s holds %d for example %d, expected 0 to %d".formatted(file, numbers[i], i, largest));
      }
    }
  }

  private static NpyArray vector(JobFolder job, String name, NpyArray.Type type, int count) {
    NpyArray array = array(job, name, type);
    if (array.shape().length != 1 || array.length() != count) {
      throw invalid(
          "%s has shape %s where x.npy has %d examples"
              .formatted(name, Arrays.toString(array.shape()), count));
    }
    return array;
  }

  private static NpyArray array(JobFolder job, String name, NpyArray.Type type) {
    Path file = job.input(name);
    if (!Files.exists(file)) {
      throw invalid("input/%s is missing".formatted(name));
    }
    try {
      NpyArray array = NpyArray.read(file);
      if (array.type() != type) {
        throw invalid("%s holds %s, expected %s".formatted(name, array.type(), type));
      }
      return array;
    } catch (IOException e) {
      throw new JobFailure(ErrorCode.DATASET_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private static JobFailure invalid(String fault) {
    return new JobFailure(ErrorCode.DATASET_INVALID, fault);
  }

  int features() {
    return features;
  }

  int window() {
    return window;
  }

  int valuesPerExample() {
    return features * window;
  }

  /** The examples of a split, not copied. */
  int[] rows(Split split) {
    int[] members = rows.get(split);
    if (members == null) {
      throw new IllegalStateException("no rows of " + split);
    }
    return members;
  }

  /** The examples of the test split that belong to the slice. */
  int[] sliceRows() {
    return Arrays.stream(rows(Split.TEST)).filter(row -> slice[row]).toArray();
  }

  boolean label(int row) {
    return labels[row];
  }

  boolean[] labels(int[] members) {
    boolean[] chosen = new boolean[members.length];
    for (int i = 0; i < members.length; i++) {
      chosen[i] = labels[members[i]];
    }
    return chosen;
  }

  int positives(int[] members) {
    return (int) Arrays.stream(members).filter(row -> labels[row]).count();
  }

  /** Copies the raw values of {@code members[from..to)} one after the other. */
  float[] values(int[] members, int from, int to) {
    int size = valuesPerExample();
    float[] chosen = new float[(to - from) * size];
    for (int i = from; i < to; i++) {
      System.arraycopy(values, members[i] * size, chosen, (i - from) * size, size);
    }
    return chosen;
  }

  /** One raw value. */
  float value(int row, int feature, int step) {
    return values[(row * features + feature) * window + step];
  }
}
