package io.skerry.training;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobProgress;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * One training job.
 *
 * <p>Input: {@code x.npy} float [N, features, window] raw, {@code y.npy} float [N] of classes from
 * 0, {@code split.npy} int8 [N] (0 train, 1 validation, 2 test), optionally {@code slice.npy} int8
 * [N] (1 = belongs to the slice that {@code job.yaml} names) and {@code champion/champion.onnx}.
 *
 * <p>Output: {@code model.onnx} and {@code metrics.json}, measured on the test split with ONNX
 * Runtime on that very file.
 */
final class TrainingJob {
  /** How far the exported model's scores may be from PyTorch's. */
  static final double EXPORT_DIFFERENCE_MAX = 1e-4;

  private TrainingJob() {}

  static void run(JobFolder job, Path output) throws IOException {
    long start = System.nanoTime();
    TrainingSpec spec = TrainingSpec.of(job.spec());
    job.report(new JobProgress("load", 0, 1, "reading examples"));
    Examples examples = Examples.read(job, spec);
    Trainer.Result trained = new Trainer(examples, spec).train(job::report);
    job.report(new JobProgress("evaluate", 0, 1, "measuring the exported model"));
    Path file = output.resolve("model.onnx");
    Files.write(file, OnnxWriter.write(spec, trained.weights()));
    try (OnnxModel model = new OnnxModel(file, examples)) {
      Predictions said = model.scores(examples, examples.rows(Split.TEST));
      double difference = said.maxDifference(trained.testScores());
      if (!(difference <= EXPORT_DIFFERENCE_MAX)) {
        throw new JobFailure(
            ErrorCode.RUN_FAILED,
            "the exported model differs from the trained one by %s, more than %s"
                .formatted(difference, EXPORT_DIFFERENCE_MAX));
      }
      JsonObject report = Metrics.of(said, spec.threshold(), spec.seed()).toJson();
      report.add("examples", counts(examples, false));
      report.add("positives", counts(examples, true));
      report.addProperty("bestEpoch", trained.epoch());
      report.addProperty("validationRocAuc", trained.validationRocAuc());
      report.addProperty("exportMaxDifference", difference);
      if (!spec.slice().isEmpty()) {
        report.add("slice", slice(job, spec, examples, model));
      }
      report.addProperty("seconds", (System.nanoTime() - start) / 1e9);
      Files.writeString(output.resolve("metrics.json"), report + "\n");
    }
    job.report(new JobProgress("evaluate", 1, 1, "done"));
  }

  private static JsonObject counts(Examples examples, boolean positives) {
    JsonObject counts = new JsonObject();
    for (Split split : Split.values()) {
      int[] rows = examples.rows(split);
      counts.addProperty(split.text(), positives ? examples.positives(rows) : rows.length);
    }
    return counts;
  }

  private static JsonObject slice(
      JobFolder job, TrainingSpec spec, Examples examples, OnnxModel challenger) {
    int[] rows = examples.sliceRows();
    JsonObject slice = new JsonObject();
    slice.addProperty("name", spec.slice());
    slice.addProperty("examples", rows.length);
    slice.addProperty("positives", examples.positives(rows));
    metrics(slice, "challenger", challenger, spec, examples, rows);
    // In a folder of its own: a model may say that its weights are files beside it.
    Path champion = job.input("champion").resolve("champion.onnx");
    if (Files.exists(champion)) {
      try (OnnxModel model = new OnnxModel(champion, examples)) {
        metrics(slice, "champion", model, spec, examples, rows);
      }
    }
    return slice;
  }

  private static void metrics(
      JsonObject slice,
      String who,
      OnnxModel model,
      TrainingSpec spec,
      Examples examples,
      int[] rows) {
    Predictions said = model.scores(examples, rows);
    // A slice with one class only has no AUC: no data is never a result.
    slice.add(
        who,
        said.hasTwoClasses()
            ? Metrics.of(said, spec.threshold(), spec.seed()).toJson()
            : JsonNull.INSTANCE);
  }
}
