package io.skerry.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobMain;
import io.skerry.artifact.job.JobProgress;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.TypeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingJobTest {
  private static final Path CMAPSS = Path.of("../../../shared/data/cmapss/train_FD001.txt");

  @TempDir Path folder;

  @Test
  @Tag("slow")
  void learnsWhichMachinesAreNearTheirEnd() throws IOException {
    JobFolder job = JobFixture.madeUp(40, 1).write(folder.resolve("job"), 4);

    int exit = JobMain.run(job, TrainingJob::run);

    assertThat(job.error()).isEmpty();
    assertThat(exit).isEqualTo(JobMain.OK);
    JsonObject metrics = metrics(job);
    assertThat(value(metrics, "rocAuc", "value")).isGreaterThan(0.95);
    assertThat(value(metrics, "rocAuc", "low")).isLessThan(value(metrics, "rocAuc", "value"));
    assertThat(metrics.get("exportMaxDifference").getAsDouble())
        .isLessThan(TrainingJob.EXPORT_DIFFERENCE_MAX);
    assertThat(value(metrics, "examples", "train")).isGreaterThan(1000);
    assertThat(metrics.getAsJsonObject("slice").get("name").getAsString()).isEqualTo("site=b");
    assertThat(metrics.getAsJsonObject("slice").has("champion")).isFalse();
    assertThat(job.progress())
        .extracting(JobProgress::step)
        .containsExactly("load", "train", "train", "train", "train", "evaluate", "evaluate");
    ModelProto model = ModelProto.parseFrom(Files.readAllBytes(model(job)));
    assertThat(model.getGraph().getNodeList().stream().map(NodeProto::getOpType).distinct())
        .containsExactly(
            "Sub", "Mul", "Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm", "Sigmoid");

    comparesWithAChampionOnTheSlice(model(job));
  }

  private void comparesWithAChampionOnTheSlice(Path champion) throws IOException {
    JobFolder job = JobFixture.madeUp(40, 1).write(folder.resolve("again"), 4);
    Files.copy(champion, champion(job));

    JobMain.run(job, TrainingJob::run);

    JsonObject slice = metrics(job).getAsJsonObject("slice");
    assertThat(value(slice.getAsJsonObject("champion"), "rocAuc", "value")).isGreaterThan(0.95);
    assertThat(Files.readAllBytes(model(job)))
        .as("the same job gives the same model")
        .isEqualTo(Files.readAllBytes(champion));
  }

  @Test
  @Tag("slow")
  void learnsSeveralClasses() throws IOException {
    JobFolder job = JobFixture.madeUp(20, 3, 1).write(folder.resolve("job"), 4);

    int exit = JobMain.run(job, TrainingJob::run);

    assertThat(job.error()).isEmpty();
    assertThat(exit).isEqualTo(JobMain.OK);
    JsonObject metrics = metrics(job);
    assertThat(value(metrics, "rocAuc", "value")).isGreaterThan(0.85);
    assertThat(value(metrics, "balancedAccuracy", "value")).isGreaterThan(0.6);
    assertThat(metrics.get("exportMaxDifference").getAsDouble())
        .isLessThan(TrainingJob.EXPORT_DIFFERENCE_MAX);
    GraphProto graph = ModelProto.parseFrom(Files.readAllBytes(model(job))).getGraph();
    assertThat(graph.getNodeList().getLast().getOpType()).isEqualTo("Softmax");
    assertThat(graph.getOutput(0).getType().getTensorType().getShape().getDim(1).getDimValue())
        .isEqualTo(3);

    refusesAChampionOfOtherClasses(model(job));
  }

  private void refusesAChampionOfOtherClasses(Path champion) throws IOException {
    JobFolder job = JobFixture.madeUp(20, 2, 1).write(folder.resolve("again"), 1);
    Files.copy(champion, champion(job));

    assertThat(JobMain.run(job, TrainingJob::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .isEqualTo("champion.onnx gives other than 1 figures per example");
  }

  @Test
  @Tag("slow")
  void learnsFromRealEngines() throws IOException {
    assumeThat(CMAPSS).as("C-MAPSS data beside the repository").exists();
    JobFolder job = JobFixture.cmapss(CMAPSS).write(folder.resolve("job"), 6);

    int exit = JobMain.run(job, TrainingJob::run);

    assertThat(exit).isEqualTo(JobMain.OK);
    JsonObject metrics = metrics(job);
    assertThat(value(metrics, "rocAuc", "value")).isGreaterThan(0.97);
  }

  @Test
  @Tag("slow")
  void refusesAChampionThatIsNoModelForTheseExamples() throws IOException {
    JobFolder job = JobFixture.madeUp(8, 1).write(folder.resolve("job"), 1);
    Files.writeString(champion(job), "nothing");

    int exit = JobMain.run(job, TrainingJob::run);

    assertThat(exit).isEqualTo(JobMain.FAILED);
    JobError error = job.error().orElseThrow();
    assertThat(error.code()).isEqualTo("MODEL_LOAD_FAILED");
    assertThat(error.detail()).startsWith("champion.onnx cannot be loaded");
    assertThat(job.output()).doesNotExist();
  }

  @Test
  @Tag("slow")
  void takesNoOtherInputForAChampionsWeights() throws IOException {
    JobFolder job = JobFixture.madeUp(8, 1).write(folder.resolve("job"), 1);
    for (String location : List.of("x.npy", "../x.npy")) {
      Files.write(champion(job), weightsIn(location).toByteArray());

      assertThat(JobMain.run(job, TrainingJob::run)).as(location).isEqualTo(JobMain.FAILED);

      assertThat(job.error().orElseThrow().detail())
          .startsWith("champion.onnx cannot be loaded")
          .contains("x.npy");
    }
  }

  /** A model that scores with the values at the beginning of another file. */
  private static ModelProto weightsIn(String location) {
    int values = 4 * JobFixture.WINDOW;
    TensorProto weights =
        TensorProto.newBuilder()
            .setName("weights")
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .addDims(values)
            .addDims(1)
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(
                StringStringEntryProto.newBuilder().setKey("location").setValue(location))
            .addExternalData(
                StringStringEntryProto.newBuilder()
                    .setKey("length")
                    .setValue(Integer.toString(values * Float.BYTES)))
            .build();
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(13))
        .setGraph(
            GraphProto.newBuilder()
                .setName("champion")
                .addInput(end("x", 4, JobFixture.WINDOW))
                .addOutput(end("y", 1))
                .addInitializer(weights)
                .addNode(
                    NodeProto.newBuilder().setOpType("Flatten").addInput("x").addOutput("flat"))
                .addNode(
                    NodeProto.newBuilder()
                        .setOpType("MatMul")
                        .addInput("flat")
                        .addInput("weights")
                        .addOutput("y")))
        .build();
  }

  private static ValueInfoProto end(String name, int... dimensions) {
    TensorShapeProto.Builder shape =
        TensorShapeProto.newBuilder()
            .addDim(TensorShapeProto.Dimension.newBuilder().setDimParam("N"));
    for (int dimension : dimensions) {
      shape.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(dimension));
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(TensorProto.DataType.FLOAT_VALUE)
                        .setShape(shape)))
        .build();
  }

  @Test
  void saysWhatIsWrongWithItsInput() throws IOException {
    JobFolder job = JobFixture.madeUp(8, 1).write(folder.resolve("job"), 1);
    Path x = job.input("x.npy");
    byte[] good = Files.readAllBytes(x);

    JobFixture.spoil(job, "x.npy", 5, Float.NaN);
    assertRefused(job, "DATASET_INVALID", "x.npy holds NaN in example 0, feature 's0'");
    NpyArray.ofFloats(new float[8], 1, 2, 4).write(x);
    assertRefused(
        job, "DATASET_INVALID", "x.npy has shape [1, 2, 4], expected [N, 4 features, 30 values]");
    Files.write(x, Arrays.copyOf(good, good.length - 1));
    assertThat(JobMain.run(job, TrainingJob::run)).isEqualTo(JobMain.FAILED);
    assertThat(job.error().orElseThrow().detail()).contains("x.npy is unreadable");
    Files.write(x, good);

    JobFixture.spoil(job, "y.npy", 2, 0.5f);
    assertRefused(job, "DATASET_INVALID", "y.npy holds 0.5 for example 2, expected 0 or 1");
    JobFixture.spoil(job, "y.npy", 2, 0);
    JobFixture.spoil(job, "split.npy", 3, 3);
    assertRefused(job, "DATASET_INVALID", "split.npy holds 3 for example 3, expected 0 to 2");
    int count = NpyArray.read(job.input("split.npy")).length();
    NpyArray.ofBytes(new byte[count], count).write(job.input("split.npy"));
    assertRefused(
        job,
        "DATASET_INVALID",
        "the validation split has 0 positive among 0 examples: both classes are needed");
    Files.delete(x);
    assertRefused(job, "DATASET_INVALID", "input/x.npy is missing");
  }

  @Test
  void refusesLabelsThatAreNoneOfItsClasses() throws IOException {
    JobFolder job = JobFixture.madeUp(8, 3, 1).write(folder.resolve("job"), 1);

    JobFixture.spoil(job, "y.npy", 2, 3);
    assertRefused(job, "DATASET_INVALID", "y.npy holds 3.0 for example 2, expected 0 to 2");
    NpyArray y = NpyArray.read(job.input("y.npy"));
    float[] twoOnly = new float[y.length()];
    for (int i = 0; i < twoOnly.length; i++) {
      twoOnly[i] = i % 2;
    }
    NpyArray.ofFloats(twoOnly, twoOnly.length).write(job.input("y.npy"));
    int train = 0;
    for (byte split : NpyArray.read(job.input("split.npy")).bytes()) {
      train += split == 0 ? 1 : 0;
    }
    assertRefused(
        job,
        "DATASET_INVALID",
        "the train split has 2 of 3 classes among %d examples: at least 3 are needed"
            .formatted(train));
  }

  private static void assertRefused(JobFolder job, String code, String detail) throws IOException {
    assertThat(JobMain.run(job, TrainingJob::run)).isEqualTo(JobMain.FAILED);
    assertThat(job.error()).contains(new JobError(code, detail));
    assertThat(job.output()).doesNotExist();
  }

  private static Path champion(JobFolder job) throws IOException {
    return Files.createDirectories(job.input("champion")).resolve("champion.onnx");
  }

  private static Path model(JobFolder job) {
    return job.output().resolve("model.onnx");
  }

  private static JsonObject metrics(JobFolder job) throws IOException {
    return JsonParser.parseString(Files.readString(job.output().resolve("metrics.json")))
        .getAsJsonObject();
  }

  private static double value(JsonObject object, String name, String field) {
    return object.getAsJsonObject(name).get(field).getAsDouble();
  }
}
