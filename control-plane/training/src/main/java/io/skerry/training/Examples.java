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
  private final int classes;
  private final float[] values;
  private final int[] labels;
  private final boolean[] slice;
  private final Map<Split, int[]> rows;

  private Examples(
      int features,
      int window,
      int classes,
      float[] values,
      int[] labels,
      boolean[] slice,
      Map<Split, int[]> rows) {
    this.features = features;
    this.window = window;
    this.classes = classes;
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
    int classes = spec.classes();
    int[] labels = labels(vector(job, "y.npy", NpyArray.Type.FLOAT32, count).floats(), classes);
    byte[] splits = vector(job, "split.npy", NpyArray.Type.INT8, count).bytes();
    boolean[] slice = new boolean[count];
    if (Files.exists(job.input("slice.npy"))) {
      byte[] members = vector(job, "slice.npy", NpyArray.Type.INT8, count).bytes();
      refuseOutside("slice.npy", members, 1);
      IntStream.range(0, count).forEach(i -> slice[i] = members[i] == 1);
    }
    return new Examples(
        features, spec.window(), classes, values, labels, slice, rows(splits, labels, classes));
  }

  private static int[] labels(float[] numbers, int classes) {
    int[] labels = new int[numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      labels[i] = (int) numbers[i];
      if (labels[i] != numbers[i] || labels[i] < 0 || labels[i] >= classes) {
        throw invalid(
            "y.npy holds %s for example %d, expected %s"
                .formatted(numbers[i], i, classes == 2 ? "0 or 1" : "0 to " + (classes - 1)));
      }
    }
    return labels;
  }

  private static Map<Split, int[]> rows(byte[] splits, int[] labels, int classes) {
    refuseOutside("split.npy", splits, Split.TEST.number());
    Map<Split, int[]> rows = new EnumMap<>(Split.class);
    for (Split split : Split.values()) {
      int[] members =
          IntStream.range(0, splits.length).filter(i -> splits[i] == split.number()).toArray();
      checkClasses(split, Arrays.stream(members).map(i -> labels[i]).toArray(), classes);
      rows.put(split, members);
    }
    return rows;
  }

  // What is not learned cannot be said; what is only judged may lack a rare class.
  private static void checkClasses(Split split, int[] labels, int classes) {
    if (classes == 2) {
      long positives = Arrays.stream(labels).filter(label -> label == 1).count();
      if (positives == 0 || positives == labels.length) {
        throw invalid(
            "the %s split has %d positive among %d examples: both classes are needed"
                .formatted(split.text(), positives, labels.length));
      }
      return;
    }
    long found = Arrays.stream(labels).distinct().count();
    int needed = split == Split.TRAIN ? classes : 2;
    if (found < needed) {
      throw invalid(
          "the %s split has %d of %d classes among %d examples: at least %d are needed"
              .formatted(split.text(), found, classes, labels.length, needed));
    }
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

  int classes() {
    return classes;
  }

  /** A class from 0; of two, 1 is the positive one. */
  int label(int row) {
    return labels[row];
  }

  int[] labels(int[] members) {
    return Arrays.stream(members).map(row -> labels[row]).toArray();
  }

  /** Those that are not of class 0. */
  int positives(int[] members) {
    return (int) Arrays.stream(members).filter(row -> labels[row] > 0).count();
  }

  /** How many there are of each class. */
  int[] counts(int[] members) {
    int[] counts = new int[classes];
    Arrays.stream(members).forEach(row -> counts[labels[row]]++);
    return counts;
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
