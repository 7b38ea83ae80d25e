package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Metric;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Integer forms of real models keep their accuracy on real data, which lies beside the repository.
 */
@Tag("slow")
class RealDataTest {
  private static final Path DATA = Path.of("../../../shared/data");
  private static final int[] SENSORS = {2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21};
  private static final int WINDOW = 30;
  private static final int TEST_UNITS_FROM = 81;

  private record Items(Samples samples, Labels labels) {}

  @TempDir private Path folder;

  @Test
  void keywordSpottingKeepsItsAccuracy() throws Exception {
    assumeThat(DATA.resolve("kws")).as("keyword-spotting data").exists();
    Graph graph = OnnxImport.read(DATA.resolve("onnx-fp32/kws-fp32.onnx"));

    checkDrop(graph, keywords("calibration"), keywords("evaluation"), Metric.ACCURACY, 0.0151);
  }

  @Test
  void engineHealthKeepsItsRocAuc() throws Exception {
    assumeThat(DATA.resolve("cmapss")).as("C-MAPSS data").exists();
    Graph graph = OnnxImport.read(DATA.resolve("onnx-fp32/rul-fp32.onnx"));
    Map<Integer, List<float[]>> units = units();

    checkDrop(graph, windows(units, 1, 10), windows(units, 81, 100), Metric.ROC_AUC, 0.002);
  }

  private void checkDrop(
      Graph graph, Items calibration, Items evaluation, Metric metric, double maxDrop)
      throws Exception {
    Observations seen = Calibrator.observe(graph, calibration.samples());
    Options options = Options.of(Clipping.MSE);
    double floats = value(Engine.ONNXRUNTIME, OnnxExport.write(graph), graph, evaluation, metric);

    double onnx =
        value(
            Engine.ONNXRUNTIME,
            QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options)),
            graph,
            evaluation,
            metric);
    double tflite =
        value(
            Engine.TFLITE,
            TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options)),
            graph,
            evaluation,
            metric);

    assertThat(floats).isGreaterThan(0.88);
    assertThat(floats - onnx).isLessThan(maxDrop);
    assertThat(floats - tflite).isLessThan(maxDrop);
  }

  private double value(Engine engine, byte[] content, Graph graph, Items evaluation, Metric metric)
      throws Exception {
    Path file = folder.resolve("model." + engine);
    Files.write(file, content);
    Bench bench = new Bench();
    try (LoadedModel model = bench.load(engine, file)) {
      Outputs outputs = bench.outputs(model, evaluation.samples(), graph.outputs().getFirst());
      return metric.of(outputs, evaluation.labels());
    }
  }

  /** Files of int8 values with one scale, the label last in the name. */
  private static Items keywords(String set) throws Exception {
    List<Path> files;
    try (Stream<Path> all = Files.list(DATA.resolve("kws").resolve(set))) {
      files = all.filter(file -> file.toString().endsWith(".bin")).sorted().toList();
    }
    float[] values = new float[files.size() * 490];
    int[] labels = new int[files.size()];
    for (int item = 0; item < files.size(); item++) {
      byte[] bytes = Files.readAllBytes(files.get(item));
      for (int i = 0; i < bytes.length; i++) {
        values[item * 490 + i] = (bytes[i] - 83) * 0.5847029f;
      }
      String name = files.get(item).getFileName().toString();
      labels[item] =
          Integer.parseInt(name.substring(name.lastIndexOf('_') + 1, name.lastIndexOf('.')));
    }
    return items(values, files.size(), 490, labels);
  }

  private static Map<Integer, List<float[]>> units() throws Exception {
    Map<Integer, List<float[]>> units = new TreeMap<>();
    for (String line : Files.readAllLines(DATA.resolve("cmapss/train_FD001.txt"))) {
      String[] columns = line.strip().split("\\s+");
      if (!columns[0].matches("[0-9]+")) {
        continue;
      }
      float[] row = new float[SENSORS.length];
      for (int i = 0; i < row.length; i++) {
        row[i] = Float.parseFloat(columns[4 + SENSORS[i]]);
      }
      units.computeIfAbsent(Integer.parseInt(columns[0]), unit -> new ArrayList<>()).add(row);
    }
    standardise(units);
    return units;
  }

  private static void standardise(Map<Integer, List<float[]>> units) {
    List<float[]> rows =
        units.entrySet().stream()
            .filter(unit -> unit.getKey() < TEST_UNITS_FROM)
            .flatMap(unit -> unit.getValue().stream())
            .toList();
    for (int s = 0; s < SENSORS.length; s++) {
      double sum = 0;
      double squares = 0;
      for (float[] row : rows) {
        sum += row[s];
        squares += (double) row[s] * row[s];
      }
      double mean = sum / rows.size();
      double deviation = Math.sqrt(squares / rows.size() - mean * mean);
      for (List<float[]> unit : units.values()) {
        for (float[] row : unit) {
          row[s] = (float) ((row[s] - mean) / deviation);
        }
      }
    }
  }

  private static Items windows(Map<Integer, List<float[]>> units, int first, int last) {
    List<float[]> windows = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int unit = first; unit <= last; unit++) {
      List<float[]> rows = units.getOrDefault(unit, List.of());
      for (int end = WINDOW; end <= rows.size(); end++) {
        float[] window = new float[SENSORS.length * WINDOW];
        for (int s = 0; s < SENSORS.length; s++) {
          for (int t = 0; t < WINDOW; t++) {
            window[s * WINDOW + t] = rows.get(end - WINDOW + t)[s];
          }
        }
        windows.add(window);
        labels.add(rows.size() - end <= WINDOW ? 1 : 0);
      }
    }
    int each = SENSORS.length * WINDOW;
    float[] values = new float[windows.size() * each];
    for (int i = 0; i < windows.size(); i++) {
      System.arraycopy(windows.get(i), 0, values, i * each, each);
    }
    return items(
        values, windows.size(), each, labels.stream().mapToInt(Integer::intValue).toArray());
  }

  private static Items items(float[] values, int count, int each, int[] labels) {
    return new Items(
        Samples.of("items", NpyArray.ofFloats(values, count, each), each), Labels.of(labels));
  }
}
