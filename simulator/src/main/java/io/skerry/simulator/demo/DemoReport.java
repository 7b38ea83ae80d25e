package io.skerry.simulator.demo;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What happened in a demo, as written by {@code --json}. Everything in it was measured in the run.
 *
 * @param seconds from the start of the control plane to the end of the last step
 */
record DemoReport(
    Dataset dataset,
    Training training,
    List<Variant> variants,
    Rollout rollout,
    Predict predict,
    Telemetry telemetry,
    Drift drift,
    Retrain retrain,
    BadModel badModel,
    CorruptArtifact corruptArtifact,
    double seconds) {
  private static final int WINDOWS_TO_DETECT_MAX = 6;

  record Dataset(String snapshot, long rows, int train, int validation, int test) {}

  record Training(long version, double rocAuc, double prAuc, double seconds) {}

  record Variant(
      String profile,
      String engine,
      String precision,
      long bytes,
      double rocAuc,
      @Nullable Double p50Micros,
      String measured,
      boolean winner) {}

  record Rollout(String state, List<Stage> stages) {}

  record Stage(int devices, int committed, int failed) {}

  record Predict(long count, long failed, String lastFailure, double p50Micros, long feedback) {}

  record Telemetry(long samplesSent, long samplesStored, long lost, long duplicated) {}

  record Drift(
      int incidents,
      String cohort,
      String feature,
      long windowsToDetect,
      double balancedAccuracyBefore,
      double balancedAccuracyAfter,
      int falseIncidents) {}

  record Retrain(
      long version, double rocAuc, double cohortRocAucV1, double cohortRocAucV2, String rollout) {
    Retrain rolledOut(String state) {
      return new Retrain(version, rocAuc, cohortRocAucV1, cohortRocAucV2, state);
    }
  }

  record BadModel(String rollout, int stage, int devicesTouched, long predictionsFailed) {}

  record CorruptArtifact(int offered, int refused) {}

  /**
   * What did not happen as promised; empty when every step really happened.
   *
   * @param cohort the cohort whose sensor was shifted
   * @param feature that sensor
   */
  List<String> broken(String cohort, String feature) {
    List<String> broken = new ArrayList<>();
    check(broken, dataset.rows > 0 && dataset.test > 0, "no dataset was ingested");
    check(broken, training.rocAuc > 0.5, "version 1 is no better than chance");
    check(broken, variants.stream().anyMatch(Variant::winner), "nothing was packaged");
    check(broken, rollout.state.equals("SUCCEEDED"), "rollout 1 ended " + rollout.state);
    check(broken, predict.count > 0 && predict.feedback > 0, "the agent was not asked");
    check(
        broken,
        predict.failed == 0,
        "%d predictions failed, the last one: %s".formatted(predict.failed, predict.lastFailure));
    check(broken, telemetry.samplesStored > 0, "no sample was stored");
    check(broken, telemetry.lost == 0, telemetry.lost + " samples were lost");
    check(broken, telemetry.duplicated == 0, telemetry.duplicated + " samples were stored twice");
    check(broken, drift.incidents == 1, drift.incidents + " incidents for one shifted sensor");
    check(broken, drift.falseIncidents == 0, drift.falseIncidents + " false incidents");
    check(
        broken,
        drift.cohort.equals(cohort) && drift.feature.equals(feature),
        "the incident names %s of %s, shifted was %s of %s"
            .formatted(drift.feature, drift.cohort, feature, cohort));
    check(
        broken,
        drift.windowsToDetect <= WINDOWS_TO_DETECT_MAX,
        "the shift was found after %d windows, at most %d are promised"
            .formatted(drift.windowsToDetect, WINDOWS_TO_DETECT_MAX));
    check(
        broken,
        drift.balancedAccuracyAfter < drift.balancedAccuracyBefore,
        "feedback did not show the harm");
    check(
        broken,
        retrain.cohortRocAucV2 > retrain.cohortRocAucV1,
        "version 2 is not better than version 1 on the shifted cohort");
    check(broken, retrain.rollout.equals("SUCCEEDED"), "rollout 2 ended " + retrain.rollout);
    check(
        broken,
        badModel.rollout.equals("ROLLED_BACK") && badModel.stage == 1,
        "the bad model's rollout ended %s in stage %d".formatted(badModel.rollout, badModel.stage));
    check(
        broken,
        badModel.predictionsFailed == 0,
        badModel.predictionsFailed + " predictions failed while the bad model was rolled back");
    check(
        broken,
        corruptArtifact.offered > 0 && corruptArtifact.refused == corruptArtifact.offered,
        "%d of %d devices refused the corrupt artifact"
            .formatted(corruptArtifact.refused, corruptArtifact.offered));
    return broken;
  }

  private static void check(List<String> broken, boolean held, String otherwise) {
    if (!held) {
      broken.add(otherwise);
    }
  }
}
