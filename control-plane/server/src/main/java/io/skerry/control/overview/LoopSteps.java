package io.skerry.control.overview;

import io.skerry.api.DatasetBatch;
import io.skerry.api.IncidentOverview;
import io.skerry.api.ModelVersionView;
import io.skerry.api.Overview;
import io.skerry.api.RolloutOverview;
import io.skerry.api.Run;
import io.skerry.api.RunMetrics;
import io.skerry.api.StageOverview;
import io.skerry.api.Variant;
import java.util.List;

/** The loop from data to a healthy fleet, a figure for each step. */
public final class LoopSteps {
  private LoopSteps() {}

  /** The steps in the order in which the loop takes them. */
  public static List<LoopStep> of(Overview overview) {
    return List.of(
        data(overview),
        training(overview),
        variants(overview),
        rollout(overview),
        predictions(overview),
        drift(overview));
  }

  private static LoopStep data(Overview overview) {
    if (overview.datasets().isEmpty()) {
      return new LoopStep("Data", "–", "muted", "no dataset yet");
    }
    DatasetBatch newest = overview.datasets().getFirst();
    return new LoopStep(
        "Data",
        Words.number(newest.examples()),
        "",
        "examples of %s in %s, %s to train"
            .formatted(
                Words.count(newest.devices(), "machine"),
                newest.name(),
                Words.number(newest.train())));
  }

  private static LoopStep training(Overview overview) {
    if (overview.runs().isEmpty()) {
      return new LoopStep("Training", "–", "muted", "no run yet");
    }
    Run run = overview.runs().getFirst();
    RunMetrics metrics = run.metrics();
    if (metrics != null) {
      return new LoopStep(
          "Training",
          "AUC " + Words.decimal(metrics.rocAuc().value()),
          "",
          "%s@%s · %s".formatted(run.model(), run.version(), Words.range(metrics.rocAuc())));
    }
    return new LoopStep(
        "Training",
        Words.sentence(run.state().name()),
        Words.tone(run.state().name()),
        run.progress() == null ? run.model() : run.model() + " · " + run.progress().message());
  }

  private static LoopStep variants(Overview overview) {
    if (overview.models().isEmpty() || overview.models().getFirst().versions().isEmpty()) {
      return new LoopStep("Variants", "–", "muted", "nothing packaged yet");
    }
    ModelVersionView newest = overview.models().getFirst().versions().getFirst();
    long winners = newest.variants().stream().filter(Variant::winner).count();
    long small = newest.variants().stream().filter(Words::isSmallWinner).count();
    long awaiting = newest.variants().stream().filter(Words::awaitsSignature).count();
    return new LoopStep(
        "Variants",
        winners == 0 ? "–" : Words.count(winners, "profile"),
        winners == 0 ? "muted" : awaiting > 0 ? "warn" : "",
        "%s@%d · %d of them int8%s"
            .formatted(
                newest.model(),
                newest.version(),
                small,
                awaiting == 0 ? "" : " · %d await a signature".formatted(awaiting)));
  }

  private static LoopStep rollout(Overview overview) {
    if (overview.rollouts().isEmpty()) {
      return new LoopStep("Rollout", "–", "muted", "none yet");
    }
    RolloutOverview newest = overview.rollouts().getFirst();
    StageOverview stage =
        newest.stages().stream()
            .filter(one -> Words.tone(one.state()).equals("busy"))
            .findFirst()
            .orElse(null);
    return new LoopStep(
        "Rollout",
        Words.sentence(newest.state()),
        Words.tone(newest.state()),
        "%s@%d%s"
            .formatted(
                newest.model(),
                newest.version(),
                stage == null
                    ? ""
                    : " · stage %d of %d, %d of %d committed"
                        .formatted(
                            stage.index(),
                            newest.stages().size(),
                            stage.committed(),
                            stage.devices())));
  }

  private static LoopStep predictions(Overview overview) {
    long answered = overview.fleet().lines().stream().mapToLong(line -> line.predictions()).sum();
    long failed =
        overview.fleet().lines().stream().mapToLong(line -> line.predictionsFailed()).sum();
    return new LoopStep(
        "Predictions",
        Words.number(answered),
        failed > 0 ? "bad" : "",
        "by what runs now, %s failed · %s outcomes told in all"
            .formatted(Words.number(failed), Words.number(overview.telemetry().feedbackStored())));
  }

  private static LoopStep drift(Overview overview) {
    long open = overview.incidents().stream().filter(one -> !Words.isClosed(one.state())).count();
    if (overview.incidents().isEmpty()) {
      return new LoopStep("Drift", "quiet", "good", streams(overview));
    }
    IncidentOverview newest = overview.incidents().getFirst();
    return new LoopStep(
        "Drift",
        open == 0 ? "quiet" : Words.count(open, "incident"),
        open == 0 ? "good" : "bad",
        newest.feature() + " on " + newest.cohort());
  }

  private static String streams(Overview overview) {
    return overview.drift().isEmpty()
        ? "nothing to judge yet"
        : Words.count(
                overview.drift().stream().map(one -> one.cohort()).distinct().count(), "cohort")
            + " watched";
  }
}
