package io.skerry.bench;

import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.control.job.JobProgram;
import io.skerry.packager.data.DataReader;
import io.skerry.packager.data.Dataset;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The models and data that the packager is measured on; they lie beside the build tree. */
final class PackagerModels {
  static final String KWS = "kws";
  static final String RESNET8 = "resnet8";
  static final String CMAPSS = "cmapss";

  private static final int[] SENSORS = {2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21};
  private static final int WINDOW = 30;
  private static final int TEST_UNITS_FROM = 81;

  /**
   * A model and its data.
   *
   * @param labels of the evaluation, where its data does not tell
   * @param fasterMin how many times as fast as float the chosen variant must be
   * @param strictFlips whether no more flips than others' are allowed, not just no significantly
   *     more
   */
  record Model(
      String name,
      Path file,
      Path calibration,
      int calibrationItems,
      Path evaluation,
      Optional<Path> labels,
      Path referenceFile,
      float referenceScale,
      int referenceZeroPoint,
      double fasterMin,
      double sizeMax,
      boolean strictFlips,
      int emulatedItems) {}

  private final Path data;
  private final Path folder;
  private String lastRead = "";
  private @Nullable Dataset last;

  PackagerModels(Path data, Path folder) {
    this.data = data;
    this.folder = folder;
  }

  static Path dataFolder() throws IOException {
    Path data =
        Optional.ofNullable(System.getenv("SKERRY_BENCH_DATA"))
            .map(Path::of)
            .orElse(JobProgram.home().resolve("../shared/data"))
            .toAbsolutePath()
            .normalize();
    if (!Files.isDirectory(data.resolve("onnx-fp32"))) {
      throw new IOException(
          "there are no models in %s: set SKERRY_BENCH_DATA to the folder that holds onnx-fp32, kws,"
                  .formatted(data)
              + " cifar10-jpeg, cmapss and mlperf-tiny");
    }
    return data;
  }

  List<Model> all() throws IOException {
    Path references = data.resolve("mlperf-tiny");
    writeWindows();
    return List.of(
        new Model(
            KWS,
            data.resolve("onnx-fp32/kws-fp32.onnx"),
            data.resolve("kws/calibration"),
            100,
            data.resolve("kws/evaluation"),
            Optional.empty(),
            references.resolve("kws_ref_model.tflite"),
            0.5847029f,
            83,
            1.2,
            0.5,
            false,
            400),
        new Model(
            RESNET8,
            data.resolve("onnx-fp32/resnet8-fp32.onnx"),
            data.resolve("cifar10-jpeg/train-10000.tar.gz"),
            200,
            data.resolve("cifar10-jpeg/test-5000.tar.gz"),
            Optional.empty(),
            references.resolve("pretrainedResnet_quant.tflite"),
            1,
            -128,
            2.5,
            0.32,
            true,
            500),
        new Model(
            CMAPSS,
            data.resolve("onnx-fp32/rul-fp32.onnx"),
            folder.resolve("cmapss-calibration.npy"),
            200,
            folder.resolve("cmapss-evaluation.npy"),
            Optional.of(folder.resolve("cmapss-labels.npy")),
            references,
            1,
            0,
            1,
            1,
            false,
            1000));
  }

  /** The evaluation data; that of the last model is kept, for it is asked for again. */
  Dataset evaluation(Model model) throws Exception {
    if (!model.name().equals(lastRead)) {
      last = DataReader.read(model.evaluation(), input(model), DataReader.ITEMS_MAX);
      lastRead = model.name();
    }
    return Objects.requireNonNull(last);
  }

  Dataset calibration(Model model) throws Exception {
    return DataReader.read(model.calibration(), input(model), model.calibrationItems());
  }

  private static TensorSpec input(Model model) throws Exception {
    try (LoadedModel loaded = new Bench().load(Engine.ONNXRUNTIME, model.file())) {
      return loaded.signature().inputs().getFirst();
    }
  }

  /** What the reference file says about these items, its own integers in and out. */
  Outputs reference(Model model, Samples items) throws Exception {
    Bench bench = new Bench();
    try (LoadedModel loaded = bench.load(Engine.TFLITE, model.referenceFile())) {
      return bench.outputs(
          loaded, quantized(model, items), loaded.signature().outputs().getFirst().name());
    }
  }

  /** Items as the reference file takes them. */
  Samples quantized(Model model, Samples items) {
    int each = items.itemElements();
    byte[] stored = new byte[items.count() * each];
    for (int i = 0; i < stored.length; i++) {
      float real = items.at(i / each, i % each);
      double integer = Math.rint(real / model.referenceScale()) + model.referenceZeroPoint();
      stored[i] = (byte) Math.max(Byte.MIN_VALUE, Math.min(Byte.MAX_VALUE, integer));
    }
    return Samples.of(items.source(), NpyArray.ofBytes(stored, items.count(), each), each);
  }

  private void writeWindows() throws IOException {
    Map<Integer, List<float[]>> units = units();
    write(units, 1, TEST_UNITS_FROM - 1, "cmapss-calibration.npy", Optional.empty());
    write(
        units,
        TEST_UNITS_FROM,
        Integer.MAX_VALUE,
        "cmapss-evaluation.npy",
        Optional.of("cmapss-labels.npy"));
  }

  private void write(
      Map<Integer, List<float[]>> units,
      int first,
      int last,
      String inputs,
      Optional<String> labels)
      throws IOException {
    List<float[]> windows = new ArrayList<>();
    List<Integer> fails = new ArrayList<>();
    for (Map.Entry<Integer, List<float[]>> unit : units.entrySet()) {
      List<float[]> rows = unit.getValue();
      if (unit.getKey() < first || unit.getKey() > last) {
        continue;
      }
      for (int end = WINDOW; end <= rows.size(); end++) {
        float[] window = new float[SENSORS.length * WINDOW];
        for (int s = 0; s < SENSORS.length; s++) {
          for (int t = 0; t < WINDOW; t++) {
            window[s * WINDOW + t] = rows.get(end - WINDOW + t)[s];
          }
        }
        windows.add(window);
        fails.add(rows.size() - end <= WINDOW ? 1 : 0);
      }
    }
    float[] values = new float[windows.size() * SENSORS.length * WINDOW];
    for (int i = 0; i < windows.size(); i++) {
      float[] window = windows.get(i);
      System.arraycopy(window, 0, values, i * window.length, window.length);
    }
    NpyArray.ofFloats(values, windows.size(), SENSORS.length, WINDOW).write(folder.resolve(inputs));
    if (labels.isPresent()) {
      NpyArray.ofInts(fails.stream().mapToInt(Integer::intValue).toArray(), fails.size())
          .write(folder.resolve(labels.get()));
    }
  }

  /** Rows of the wanted sensors by unit, standardised on the training units. */
  private Map<Integer, List<float[]>> units() throws IOException {
    Map<Integer, List<float[]>> units = new TreeMap<>();
    for (String line : Files.readAllLines(data.resolve("cmapss/train_FD001.txt"))) {
      String[] columns = line.strip().split("\\s+", -1);
      if (!columns[0].matches("[0-9]+")) {
        continue;
      }
      float[] row = new float[SENSORS.length];
      for (int i = 0; i < row.length; i++) {
        row[i] = Float.parseFloat(columns[4 + SENSORS[i]]);
      }
      units.computeIfAbsent(Integer.parseInt(columns[0]), unit -> new ArrayList<>()).add(row);
    }
    List<float[]> training =
        units.entrySet().stream()
            .filter(unit -> unit.getKey() < TEST_UNITS_FROM)
            .flatMap(unit -> unit.getValue().stream())
            .toList();
    for (int s = 0; s < SENSORS.length; s++) {
      int sensor = s;
      double mean = training.stream().mapToDouble(row -> row[sensor]).average().orElse(0);
      double variance =
          training.stream()
              .mapToDouble(row -> (row[sensor] - mean) * (row[sensor] - mean))
              .average()
              .orElse(1);
      double deviation = Math.sqrt(variance);
      units.values().stream()
          .flatMap(List::stream)
          .forEach(row -> row[sensor] = (float) ((row[sensor] - mean) / deviation));
    }
    return units;
  }

  static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
