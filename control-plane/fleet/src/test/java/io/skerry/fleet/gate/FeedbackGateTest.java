package io.skerry.fleet.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FeedbackGateTest {
  private static final FeedbackLimits LIMITS = FeedbackLimits.DEFAULTS.required(true);

  @Test
  void saysNoDataWhenNothingIsKnownOfTheNewVersion() {
    assertThat(judge(List.of(), devices(40, 20, .96, 2, .8, 1)).verdict())
        .isEqualTo(Verdict.NO_DATA);
  }

  @Test
  void doesNotDecideOnAFewOutcomes() {
    assertThat(judge(devices(2, 10, .1, 0, 0, 1), devices(40, 20, .96, 2, .8, 2)).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void failsAModelTrainedOnInvertedLabelsWithinOneSoak() {
    for (long seed = 0; seed < 200; seed++) {
      GateResult result =
          judge(devices(6, 22, .08, 1, .1, seed), devices(40, 20, .95, 2, .85, 1000 + seed));

      assertThat(result.verdict()).as(result.reason()).isEqualTo(Verdict.FAIL);
      assertThat(result.action()).isEqualTo(GateAction.ROLLBACK);
    }
  }

  @Test
  void passesAnOrdinaryModelAlthoughOneMachineIsNearItsThreshold() {
    int passed = 0;
    for (long seed = 0; seed < 200; seed++) {
      List<DeviceFeedback> newer = devices(5, 25, .94, 0, 0, seed);
      newer.add(new DeviceFeedback(new DeviceId("unlucky"), 25, 2, 3, 3));

      GateResult result = judge(newer, devices(40, 20, .95, 2, .85, 1000 + seed));

      assertThat(result.verdict()).as(result.reason()).isNotEqualTo(Verdict.FAIL);
      passed += result.verdict() == Verdict.PASS ? 1 : 0;
    }

    assertThat(passed).isGreaterThanOrEqualTo(195);
  }

  @Test
  void failsAModelThatMissesThePositives() {
    assertThat(judge(devices(20, 20, .97, 6, .1, 1), devices(30, 20, .95, 6, .85, 2)).verdict())
        .isEqualTo(Verdict.FAIL);
  }

  @Test
  void comparesAFirstVersionWithWhatItsEvaluationPromised() {
    List<DeviceFeedback> good = devices(6, 25, .95, 0, 0, 1);
    List<DeviceFeedback> bad = devices(6, 25, .3, 0, 0, 1);

    assertThat(FeedbackGate.judge(good, List.of(), OptionalDouble.of(.93), LIMITS).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(FeedbackGate.judge(bad, List.of(), OptionalDouble.of(.93), LIMITS).verdict())
        .isEqualTo(Verdict.FAIL);
    assertThat(FeedbackGate.judge(good, List.of(), OptionalDouble.empty(), LIMITS).verdict())
        .isEqualTo(Verdict.NO_DATA);
  }

  private static GateResult judge(List<DeviceFeedback> newer, List<DeviceFeedback> older) {
    return FeedbackGate.judge(newer, older, OptionalDouble.empty(), LIMITS);
  }

  // Accuracy differs between devices: a machine near its threshold is wrong more often.
  private static List<DeviceFeedback> devices(
      int devices,
      int negatives,
      double negativesRight,
      int positives,
      double positivesRight,
      long seed) {
    Random random = new Random(seed);
    List<DeviceFeedback> all = new ArrayList<>();
    for (int device = 0; device < devices; device++) {
      double luck = .1 * random.nextGaussian();
      all.add(
          new DeviceFeedback(
              new DeviceId("device-" + device),
              negatives,
              hits(negatives, negativesRight + luck, random),
              positives,
              hits(positives, positivesRight + luck, random)));
    }
    return all;
  }

  private static long hits(int trials, double share, Random random) {
    return random.doubles(trials).filter(value -> value < Math.clamp(share, 0, 1)).count();
  }
}
