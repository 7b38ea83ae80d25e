package io.skerry.training;

import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobSpec;
import io.skerry.protocol.ErrorCode;
import java.util.List;

/**
 * What {@code job.yaml} asks for.
 *
 * @param window values of each feature in one example
 * @param threshold scores from here on count as positive
 * @param classes that labels name, from 2 to {@value #CLASSES_MAX}; of two, 1 is the positive one
 * @param slice name of the slice that is judged by itself, empty when there is none
 */
record TrainingSpec(
    String model,
    long version,
    long seed,
    int epochs,
    double threshold,
    List<String> features,
    int window,
    int classes,
    String slice) {
  static final int CLASSES_MAX = 100;
  private static final int EPOCHS_DEFAULT = 6;
  private static final int EPOCHS_MAX = 1000;

  static TrainingSpec of(JobSpec job) {
    if (!job.text("kind").equals("train")) {
      throw invalid("key 'kind' is '%s', expected 'train'".formatted(job.text("kind")));
    }
    TrainingSpec spec =
        new TrainingSpec(
            job.text("model"),
            job.integer("version"),
            job.integer("seed", 1),
            Math.toIntExact(Math.clamp(job.integer("epochs", EPOCHS_DEFAULT), -1, EPOCHS_MAX + 1L)),
            job.number("threshold", 0.5),
            List.copyOf(job.texts("features")),
            Math.toIntExact(Math.clamp(job.integer("window"), -1, Integer.MAX_VALUE)),
            Math.toIntExact(Math.clamp(job.integer("classes", 2), -1, CLASSES_MAX + 1L)),
            job.optionalText("slice").orElse(""));
    if (spec.epochs < 1 || spec.epochs > EPOCHS_MAX) {
      throw invalid("key 'epochs' must be from 1 to %d".formatted(EPOCHS_MAX));
    }
    if (!(spec.threshold > 0 && spec.threshold < 1)) {
      throw invalid("key 'threshold' is %s, must be between 0 and 1".formatted(spec.threshold));
    }
    if (spec.classes < 2 || spec.classes > CLASSES_MAX) {
      throw invalid("key 'classes' must be from 2 to %d".formatted(CLASSES_MAX));
    }
    if (spec.features.isEmpty()) {
      throw invalid("key 'features' is empty");
    }
    if (spec.window < Network.WINDOW_MIN) {
      throw invalid(
          "key 'window' is %d, the network needs at least %d"
              .formatted(spec.window, Network.WINDOW_MIN));
    }
    return spec;
  }

  /** What the model says of an example: one score of two classes, a probability each of more. */
  int outputs() {
    return classes == 2 ? 1 : classes;
  }

  private static JobFailure invalid(String fault) {
    return new JobFailure(ErrorCode.REQUEST_INVALID, "job.yaml: " + fault);
  }
}
