package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ChoiceTest {
  private static final Candidate TFLITE_INT8 = new Candidate(Engine.TFLITE, Precision.INT8);
  private static final Candidate ONNX_INT8 = new Candidate(Engine.ONNXRUNTIME, Precision.INT8);
  private static final Candidate ONNX_FP32 = new Candidate(Engine.ONNXRUNTIME, Precision.FP32);

  @Test
  void takesTheFastestThatKeepsAccuracy() {
    assertThat(
            winner(
                timed(TFLITE_INT8, 0.90, 1),
                timed(ONNX_INT8, 0.979, 5),
                timed(ONNX_FP32, 0.98, 10)))
        .contains(ONNX_INT8);
  }

  @Test
  void takesFloatWhereItIsFaster() {
    assertThat(winner(timed(ONNX_INT8, 0.98, 12), timed(ONNX_FP32, 0.98, 10))).contains(ONNX_FP32);
  }

  @Test
  void takesTheFirstOfTheProfilesOrderWhereNothingIsTimed() {
    assertThat(winner(untimed(TFLITE_INT8, 0.90), untimed(ONNX_INT8, 0.98), untimed(ONNX_FP32, 1)))
        .contains(ONNX_INT8);
  }

  @Test
  void leavesOutWhatFailedOrIsTooLarge() {
    Measured failed =
        new Measured(
            TFLITE_INT8, 0, Optional.empty(), Optional.empty(), Optional.of("no such operator"));
    Measured large =
        new Measured(ONNX_INT8, 2000, Optional.of(0.98), Optional.of(1.0), Optional.empty());

    List<Choice.Verdict> verdicts =
        Choice.among(List.of(failed, large, timed(ONNX_FP32, 0.98, 10)), 0.98, 0.005, 1000);

    assertThat(verdicts).extracting(Choice.Verdict::winner).containsExactly(false, false, true);
    assertThat(verdicts.getFirst().reason()).isEqualTo("no such operator");
    assertThat(verdicts.get(1).reason()).contains("2000 bytes", "1000");
  }

  @Test
  void hasNoWinnerWhereNothingKeepsAccuracy() {
    assertThat(winner(timed(TFLITE_INT8, 0.5, 1), timed(ONNX_INT8, Double.NaN, 1))).isEmpty();
  }

  private static Optional<Candidate> winner(Measured... candidates) {
    return Choice.among(List.of(candidates), 0.98, 0.005, 1000).stream()
        .filter(Choice.Verdict::winner)
        .map(verdict -> verdict.measured().candidate())
        .findFirst();
  }

  private static Measured timed(Candidate candidate, double metric, double micros) {
    return new Measured(candidate, 10, Optional.of(metric), Optional.of(micros), Optional.empty());
  }

  private static Measured untimed(Candidate candidate, double metric) {
    return new Measured(candidate, 10, Optional.of(metric), Optional.empty(), Optional.empty());
  }
}
