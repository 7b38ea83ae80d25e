package io.skerry.simulator.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class DemoReportTest {
  private static final DemoReport.Drift FOUND =
      new DemoReport.Drift(1, "site=b", "s4", 3, 0.9, 0.5, 0);
  private static final DemoReport.Telemetry COMPLETE = new DemoReport.Telemetry(50, 50, 0, 0);
  private static final DemoReport.BadModel STOPPED =
      new DemoReport.BadModel("ROLLED_BACK", 1, 6, 0);
  private static final DemoReport.CorruptArtifact REFUSED = new DemoReport.CorruptArtifact(51, 51);

  @Test
  void findsNothingBrokenWhenEveryStepHeld() {
    assertThat(broken(FOUND, COMPLETE, STOPPED, REFUSED)).isEmpty();
  }

  @Test
  void namesAnIncidentOfAnotherSensor() {
    DemoReport.Drift other = new DemoReport.Drift(1, "site=b", "s9", 3, 0.9, 0.5, 0);

    assertThat(broken(other, COMPLETE, STOPPED, REFUSED))
        .containsExactly("the incident names s9 of site=b, shifted was s4 of site=b");
  }

  @Test
  void namesASlowDetectionAFalseIncidentAndHarmThatDidNotShow() {
    DemoReport.Drift poor = new DemoReport.Drift(1, "site=b", "s4", 7, 0.9, 0.9, 1);

    assertThat(broken(poor, COMPLETE, STOPPED, REFUSED))
        .containsExactly(
            "1 false incidents",
            "the shift was found after 7 windows, at most 6 are promised",
            "feedback did not show the harm");
  }

  @Test
  void namesLostSamplesALateStopAndADeviceThatDidNotRefuse() {
    assertThat(
            broken(
                FOUND,
                new DemoReport.Telemetry(50, 48, 2, 0),
                new DemoReport.BadModel("ROLLED_BACK", 2, 21, 0),
                new DemoReport.CorruptArtifact(51, 50)))
        .containsExactly(
            "2 samples were lost",
            "the bad model's rollout ended ROLLED_BACK in stage 2",
            "50 of 51 devices refused the corrupt artifact");
  }

  private static List<String> broken(
      DemoReport.Drift drift,
      DemoReport.Telemetry telemetry,
      DemoReport.BadModel bad,
      DemoReport.CorruptArtifact corrupt) {
    return new DemoReport(
            new DemoReport.Dataset("sha256:0", 100, 70, 15, 15),
            new DemoReport.Training(1, 0.9, 0.8, 1),
            List.of(new DemoReport.Variant("p", "tflite", "int8", 1, 0.9, null, "none", true)),
            new DemoReport.Rollout("SUCCEEDED", List.of(new DemoReport.Stage(1, 1, 0))),
            new DemoReport.Predict(100, 0, "", 50, 50),
            telemetry,
            drift,
            new DemoReport.Retrain(2, 0.9, 0.6, 0.9, "SUCCEEDED"),
            bad,
            corrupt,
            1)
        .broken("site=b", "s4");
  }
}
