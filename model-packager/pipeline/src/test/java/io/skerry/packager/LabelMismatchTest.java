package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobMain;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Labels that say what the model does, and others that do not match it. */
@Tag("slow")
class LabelMismatchTest {
  private static final int ITEMS = 60;
  private static final int CLASSES = 3;
  private static final int PIXELS = 4 * 6;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void masksAreJudgedWhereverTheirClassesLie(boolean last) throws Exception {
    JobFolder job = job("meanIou", masks(last), last);
    Path model = job.input(last ? "model/model.tflite" : "model/model.onnx");
    float[] labels = new float[ITEMS * PIXELS];
    Samples samples = Samples.of("items", items(2, 2, 4, 6), 2 * PIXELS);
    try (LoadedModel loaded = new Bench().load(last ? Engine.TFLITE : Engine.ONNXRUNTIME, model)) {
      Outputs said = new Bench().outputs(loaded, samples, "y");
      for (int i = 0; i < labels.length; i++) {
        for (int c = 1; c < CLASSES; c++) {
          labels[i] = at(said, i, c, last) > at(said, i, (int) labels[i], last) ? c : labels[i];
        }
      }
    }
    NpyArray.ofFloats(labels, ITEMS, 4, 6).write(job.input("evaluation_y.npy"));

    assertThat(JobMain.run(job, Main::run)).as(String.valueOf(job.error())).isZero();

    String report = Files.readString(job.output().resolve("report.json"), StandardCharsets.UTF_8);
    int floats = 0;
    for (JsonElement each :
        JsonParser.parseString(report).getAsJsonObject().getAsJsonArray("variants")) {
      JsonObject variant = each.getAsJsonObject();
      if (variant.get("precision").getAsString().equals("fp32")) {
        assertThat(variant.get("meanIou").getAsDouble()).isGreaterThan(.999);
        floats++;
      }
    }
    assertThat(floats).isPositive();
  }

  private static float at(Outputs said, int pixel, int c, boolean last) {
    int item = pixel / PIXELS;
    int place = pixel % PIXELS;
    return said.at(item, last ? place * CLASSES + c : c * PIXELS + place);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 255, 'class 0 alone'",
    "0, 3, '3 classes: number them from 0'",
    "1, 1, 'class 1 alone'"
  })
  void masksOfOtherClassesAreRefused(float one, float other, String why) throws Exception {
    JobFolder job = job("meanIou", masks(false), false);
    float[] labels = new float[ITEMS * PIXELS];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % 2 == 0 ? one : other;
    }
    NpyArray.ofFloats(labels, ITEMS, 4, 6).write(job.input("evaluation_y.npy"));

    assertThat(refusal(job)).contains("evaluation_y.npy", why);
  }

  /** Pixels on the one side, shares of the picture on the other; and classes from 1. */
  @ParameterizedTest
  @CsvSource({"100, 0", "1, 1"})
  void boxesOfWhichNoneIsFoundAreRefused(float unit, int firstClass) throws Exception {
    Graph boxes = boxes();
    JobFolder job = job("meanAveragePrecision", boxes, false);
    float[] labels = new float[ITEMS * 5];
    for (int item = 0; item < ITEMS; item++) {
      labels[item * 5 + 2] = unit;
      labels[item * 5 + 3] = unit;
      labels[item * 5 + 4] = firstClass;
    }
    NpyArray.ofFloats(labels, ITEMS, 1, 5).write(job.input("evaluation_y.npy"));

    assertThat(refusal(job))
        .contains(
            "evaluation_y.npy", "finds nothing", "meanAveragePrecision is 0", "unit and classes");
  }

  @ParameterizedTest
  @CsvSource({
    "3, 'label 3 does not fit 3 outputs and metric accuracy'",
    "-1, 'the label of item 7 is -1.0, no class from 0'",
    "NaN, 'label 7 is NaN: give every item a number'"
  })
  void classesThatAreNoneAreRefused(float label, String why) throws Exception {
    Graph classes =
        new Nets(3, "x", Shape.BATCH, 2, 4, 6).flatten().dense(3, Activation.NONE).graph("y");
    JobFolder job = job("accuracy", classes, false);
    float[] labels = new float[ITEMS];
    labels[7] = label;
    NpyArray.ofFloats(labels, ITEMS).write(job.input("evaluation_y.npy"));

    assertThat(refusal(job)).contains("evaluation_y.npy", why);
  }

  private static String refusal(JobFolder job) throws Exception {
    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(job.output()).doesNotExist();
    return job.error().orElseThrow().detail();
  }

  private static Graph masks(boolean last) {
    Nets net = new Nets(5, "x", Shape.BATCH, 2, 4, 6).conv(CLASSES, Activation.NONE, 1, 1);
    if (last) {
      net.add(new Op.Transpose(List.of(0, 2, 3, 1)));
    }
    return net.graph("y");
  }

  /** Always the same box: from 0 to 1, of class 0. */
  private static Graph boxes() {
    Nets net = new Nets(5, "x", Shape.BATCH, 2, 4, 6).flatten().dense(6, Activation.NONE);
    net.binary(Op.Binary.Kind.MUL, Constant.of(new Shape(List.of(1)), 0f));
    net.binary(Op.Binary.Kind.ADD, Constant.of(new Shape(List.of(6)), 0, 0, 1, 1, .9f, 0));
    return net.add(new Op.Reshape(new Shape(List.of(Shape.BATCH, 1, 6)))).graph("y");
  }

  private JobFolder job(String metric, Graph graph, boolean tflite) throws Exception {
    SigningKey.generate().write(folder.resolve("release.pem"));
    Map<String, Object> yaml = new LinkedHashMap<>();
    yaml.put("kind", "package");
    yaml.put("model", "labelled");
    yaml.put("version", 1);
    yaml.put("releaseCounter", 1);
    yaml.put("metric", metric);
    yaml.put("maxDrop", 1);
    yaml.put("profiles", List.of("x86-64-avx2"));
    yaml.put("keyFile", folder.resolve("release.pem").toString());
    JobFolder job = JobFolder.create(Files.createTempDirectory(folder, "job"), yaml);
    Files.createDirectories(job.input("model"));
    Files.write(
        job.input(tflite ? "model/model.tflite" : "model/model.onnx"),
        tflite ? TfliteExport.write(graph) : OnnxExport.write(graph));
    items(1, 2, 4, 6).write(job.input("calibration.npy"));
    items(2, 2, 4, 6).write(job.input("evaluation_x.npy"));
    items(3, 2, 4, 6).write(job.input("reference.npy"));
    return job;
  }

  private static NpyArray items(long seed, int... shape) {
    Random random = new Random(seed);
    float[] values = new float[ITEMS * shape[0] * shape[1] * shape[2]];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return NpyArray.ofFloats(values, ITEMS, shape[0], shape[1], shape[2]);
  }
}
