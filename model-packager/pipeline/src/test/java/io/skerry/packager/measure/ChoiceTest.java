package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.data.Labels;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.LongStream;
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
  void takesWhatLosesJustAsMuchAsMayBeLost() {
    Outputs floats = Outputs.of(2, new float[200]);
    float[] said = new float[200];
    said[1] = 1;
    said[3] = 1;
    Quality quality =
        Judge.byFloatModel(floats, List.of(List.of(2L)), .5).quality(Outputs.of(2, said));
    Measured candidate =
        measured(ONNX_INT8, 100, Optional.of(quality), 1, new Proof.Here(), Optional.empty());

    assertThat(quality.value()).isEqualTo(.98);
    assertThat(Choice.among(List.of(candidate), .02, 1000).getFirst().winner()).isTrue();
    assertThat(Choice.among(List.of(candidate), .0199, 1000).getFirst().winner()).isFalse();
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
  void takesTheOneNearerToTheFloatModelAmongThoseEquallyFast() {
    assertThat(winner(timed(TFLITE_INT8, 0.98, 10), timed(ONNX_FP32, 0.981, 10.3)))
        .contains(ONNX_FP32);
  }

  /** A model that came as integers is its own reference: nothing is nearer to it. */
  @Test
  void takesTheFasterFloatThoughTheIntegersAreNearerAndEquallyFast() {
    List<Choice.Verdict> verdicts =
        Choice.among(
            List.of(timed(ONNX_INT8, 0.98, 10.3), timed(ONNX_FP32, 0.979, 10)), 0.005, 1000);

    assertThat(verdicts).extracting(Choice.Verdict::winner).containsExactly(false, true);
    assertThat(verdicts.getFirst().reason())
        .isEqualTo("1.03 times the time of a float that keeps the metric");
    assertThat(winner(timed(ONNX_INT8, 0.98, 10), timed(ONNX_FP32, 0.979, 10))).contains(ONNX_INT8);
  }

  @Test
  void takesNoIntegersThatAreSlowerThanFloatWhereNotAllIsTimed() {
    Candidate fp16 = new Candidate(Engine.ONNXRUNTIME, Precision.FP16);

    List<Choice.Verdict> verdicts =
        Choice.among(
            List.of(timed(ONNX_INT8, 0.98, 12), timed(fp16, 0.98, 10), untimed(ONNX_FP32, 0.98)),
            0.005,
            1000);

    assertThat(verdicts).extracting(Choice.Verdict::winner).containsExactly(false, true, false);
    assertThat(verdicts.getFirst().reason()).startsWith("1.20 times the time of a float");
  }

  @Test
  void neverTakesIntegersWhereAFloatIsFasterAndFits() {
    LongStream.range(0, 20_000).forEach(ChoiceTest::checkFloatsAreNotSlower);
  }

  private static void checkFloatsAreNotSlower(long seed) {
    List<Measured> candidates = drawn(new Random(seed));

    Optional<Measured> winner =
        Choice.among(candidates, 0.005, 1000).stream()
            .filter(Choice.Verdict::winner)
            .map(Choice.Verdict::measured)
            .findFirst();

    List<Measured> good =
        candidates.stream()
            .filter(m -> Choice.among(List.of(m), 0.005, 1000).getFirst().winner())
            .toList();
    assertThat(winner.isPresent()).as("seed %d", seed).isEqualTo(!good.isEmpty());
    winner
        .filter(chosen -> !isFloat(chosen))
        .flatMap(Measured::timing)
        .ifPresent(
            chosen ->
                assertThat(good.stream().filter(ChoiceTest::isFloat))
                    .as("seed %d", seed)
                    .flatExtracting(m -> m.timing().stream().toList())
                    .allMatch(floats -> floats.p50Micros() >= chosen.p50Micros()));
  }

  private static boolean isFloat(Measured measured) {
    Precision precision = measured.candidate().precision();
    return precision == Precision.FP32 || precision == Precision.FP16;
  }

  /** One to seven candidates, most of them about equally fast, some untimed, lossy or too large. */
  private static List<Measured> drawn(Random random) {
    List<Measured> candidates = new ArrayList<>();
    int count = 1 + random.nextInt(7);
    for (int i = 0; i < count; i++) {
      Candidate candidate =
          new Candidate(
              any(random, List.of(Engine.values())), any(random, List.of(Precision.values())));
      candidates.add(
          measured(
              candidate,
              random.nextInt(8) == 0 ? 2000 : i,
              quality(random.nextInt(8) == 0 ? 0.9 : 0.976 + random.nextInt(5) / 1000.0),
              random.nextInt(5) == 0 ? 0 : 10 + random.nextInt(12) / 10.0,
              new Proof.Here(),
              random.nextInt(10) == 0 ? Optional.of("failed") : Optional.empty()));
    }
    return candidates;
  }

  private static <T> T any(Random random, List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  @Test
  void takesWhatDevicesTimedBeforeTheProfilesOrder() {
    assertThat(
            winner(
                untimed(TFLITE_INT8, 0.98), timed(ONNX_INT8, 0.98, 30), timed(ONNX_FP32, 0.98, 20)))
        .contains(ONNX_FP32);
  }

  @Test
  void letsTimesDecideOnlyWhereFloatsAndIntegersHaveOne() {
    List<Choice.Verdict> verdicts =
        Choice.among(List.of(untimed(ONNX_FP32, 0.98), timed(ONNX_INT8, 0.98, 30)), 0.005, 1000);

    assertThat(verdicts).extracting(Choice.Verdict::winner).containsExactly(true, false);
    assertThat(verdicts.getFirst().reason())
        .contains(
            "first of the profile's order", "until floats and int8 are timed", "bench --report");
    assertThat(
            winner(
                untimed(TFLITE_INT8, 0.98), timed(ONNX_INT8, 0.98, 30), untimed(ONNX_FP32, 0.98)))
        .contains(TFLITE_INT8);
    assertThat(winner(untimed(ONNX_INT8, 0.98), timed(ONNX_FP32, 0.98, 30))).contains(ONNX_INT8);
    // Where no float model is good enough or small enough, the others' times are enough.
    assertThat(winner(untimed(TFLITE_INT8, 0.98), timed(ONNX_INT8, 0.98, 30))).contains(ONNX_INT8);
  }

  @Test
  void leavesOutWhatFailedOrIsTooLarge() {
    Measured failed =
        measured(TFLITE_INT8, 0, Optional.empty(), 0, new Proof.Here(), Optional.of("no such op"));
    Measured large =
        measured(ONNX_INT8, 2000, quality(0.98), 1, new Proof.Here(), Optional.empty());

    List<Choice.Verdict> verdicts =
        Choice.among(List.of(failed, large, timed(ONNX_FP32, 0.98, 10)), 0.005, 1000);

    assertThat(verdicts).extracting(Choice.Verdict::winner).containsExactly(false, false, true);
    assertThat(verdicts.getFirst().reason()).isEqualTo("no such op");
    assertThat(verdicts.get(1).reason()).contains("2000 bytes", "1000");
  }

  /** A file of 10 bytes may take any memory; what a device saw counts more than what it should. */
  @Test
  void leavesOutWhatTakesTooMuchByEstimateWhereNobodyMeasured() {
    Measured large = taking(untimed(TFLITE_INT8, 0.98), 1001, 0);
    Measured seen = taking(untimed(TFLITE_INT8, 0.98), 1001, 900);
    Measured small = taking(untimed(ONNX_INT8, 0.98), 1000, 0);

    List<Choice.Verdict> verdicts = Choice.among(List.of(large, small), 0.005, 1000);

    assertThat(verdicts).extracting(Choice.Verdict::winner).containsExactly(false, true);
    assertThat(verdicts.getFirst().reason())
        .isEqualTo("takes 1001 bytes by estimate, the profile allows 1000");
    assertThat(winner(seen, small)).contains(TFLITE_INT8);
    assertThat(Choice.among(List.of(taking(large, 10, 1002)), 0.005, 1000).getFirst().reason())
        .isEqualTo("takes 1002 bytes, the profile allows 1000");
  }

  private static Measured taking(Measured measured, long estimated, long seen) {
    return new Measured(
        measured.candidate(),
        measured.options(),
        measured.bytes(),
        measured.digest(),
        measured.quality(),
        seen == 0
            ? measured.timing()
            : Optional.of(new Timing(5, 6, 1, seen, Timing.Source.DEVICE)),
        OptionalLong.of(estimated),
        measured.proof(),
        measured.unfused(),
        measured.failure());
  }

  @Test
  void leavesOutWhatLosesUnderEmulation() {
    Proof bad = new Proof.Emulated("qemu", quality(0.09).orElseThrow());
    Measured broken = measured(TFLITE_INT8, 10, quality(0.98), 0, bad, Optional.empty());

    List<Choice.Verdict> verdicts =
        Choice.among(List.of(broken, untimed(ONNX_FP32, 0.98)), 0.005, 1000);

    assertThat(verdicts).extracting(Choice.Verdict::winner).containsExactly(false, true);
    assertThat(verdicts.getFirst().reason()).contains("under qemu");
  }

  /** One flip more or less is chance; an error that has grown is none, of however few items. */
  @Test
  void allowsErrorsNoMoreThanTheBudgetUnderEmulation() {
    float[] shares = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

    assertThat(isRefusedUnderEmulation(Metric.ACCURACY, shares)).isFalse();
    for (Metric metric : List.of(Metric.RMSE, Metric.MAE)) {
      float[] errors = new float[10];
      Arrays.fill(errors, 1.11f);

      assertThat(isRefusedUnderEmulation(metric, errors)).as("%s", metric).isTrue();
      Arrays.fill(errors, 1.019f);
      assertThat(isRefusedUnderEmulation(metric, errors)).as("%s", metric).isFalse();
    }
  }

  /** Where the float model says 1 of an item that is 0; of classes, where it is right. */
  private static boolean isRefusedUnderEmulation(Metric metric, float[] said) {
    float[] ones = new float[said.length];
    Arrays.fill(ones, metric.isError() ? 1 : 0);
    Judge judge = Judge.byLabels(metric, Outputs.of(1, ones), Labels.of(new int[said.length]), 0.5);
    Proof proof = new Proof.Emulated("qemu", judge.quality(Outputs.of(1, said)));
    Measured candidate = measured(ONNX_INT8, 10, quality(0.98), 0, proof, Optional.empty());
    return !Choice.among(List.of(candidate), 0.02, 1000).getFirst().winner();
  }

  @Test
  void hasNoWinnerWhereNothingKeepsAccuracy() {
    assertThat(winner(timed(TFLITE_INT8, 0.5, 1), timed(ONNX_INT8, Double.NaN, 1))).isEmpty();
  }

  private static Optional<Candidate> winner(Measured... candidates) {
    return Choice.among(List.of(candidates), 0.005, 1000).stream()
        .filter(Choice.Verdict::winner)
        .map(verdict -> verdict.measured().candidate())
        .findFirst();
  }

  private static Measured timed(Candidate candidate, double metric, double micros) {
    return measured(candidate, 10, quality(metric), micros, new Proof.Here(), Optional.empty());
  }

  private static Measured untimed(Candidate candidate, double metric) {
    return measured(
        candidate, 10, quality(metric), 0, new Proof.Unproved("no machine"), Optional.empty());
  }

  private static Measured measured(
      Candidate candidate,
      long bytes,
      Optional<Quality> quality,
      double micros,
      Proof proof,
      Optional<String> failure) {
    return new Measured(
        candidate,
        List.of(),
        bytes,
        Optional.empty(),
        quality,
        micros == 0
            ? Optional.empty()
            : Optional.of(new Timing(micros, 2 * micros, 1, 0, Timing.Source.HERE)),
        OptionalLong.empty(),
        proof,
        Optional.empty(),
        failure);
  }

  /** Against a float model at 0.98; nearer to it the larger the value. */
  private static Optional<Quality> quality(double value) {
    Interval around = new Interval(value - 0.001, value + 0.001);
    Interval difference = new Interval(value - 0.98 - 0.001, value - 0.98 + 0.001);
    return Optional.of(
        new Quality(
            Metric.ACCURACY,
            value,
            around,
            value - 0.98,
            difference,
            1,
            0.98 - value,
            OptionalInt.of(0),
            50 * value,
            400));
  }
}
