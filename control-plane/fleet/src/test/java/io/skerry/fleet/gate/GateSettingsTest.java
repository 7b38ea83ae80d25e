package io.skerry.fleet.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateSettingsTest {
  private static final ProfileId ARM = new ProfileId("arm64-neon");
  private static final ProfileId X86 = new ProfileId("x86-64-avx2");

  @ParameterizedTest
  @CsvSource({
    // The intervals printed in textbooks: 1 of 20, 5 of 100, 50 of 1000.
    "1, 20, .0089, .2361",
    "5, 100, .0215, .1118",
    "50, 1000, .0381, .0653"
  })
  void wilsonIntervalsAreTheKnownOnes(long hits, long trials, double low, double high) {
    Interval interval = Interval.wilson(hits, trials, 1.96);

    assertThat(interval.low()).isCloseTo(low, within(2e-4));
    assertThat(interval.high()).isCloseTo(high, within(2e-4));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, NO_DATA",
    "0, 49, INCONCLUSIVE",
    "0, 240, PASS",
    "1, 240, PASS",
    "3, 240, INCONCLUSIVE",
    "30, 240, FAIL",
    "10, 10, FAIL"
  })
  void judgesFailedPredictions(long failed, long answered, Verdict verdict) {
    assertThat(
            PredictionGate.judge(answered, failed, GateSettings.DEFAULTS.predictions()).verdict())
        .isEqualTo(verdict);
  }

  @Test
  void failsAStageThatEveryDeviceRefuses() {
    var results =
        FailureGate.judge(
            Map.of(ARM, new FailureGate.Devices(3, 3, 3), X86, new FailureGate.Devices(3, 3, 3)),
            GateSettings.DEFAULTS.failures());

    assertThat(results).singleElement().extracting(GateResult::verdict).isEqualTo(Verdict.FAIL);
  }

  @Test
  void judgesAProfileByItselfOnceItHasItsSample() {
    var results =
        FailureGate.judge(
            Map.of(
                ARM, new FailureGate.Devices(50, 50, 0),
                X86, new FailureGate.Devices(6, 6, 5)),
            GateSettings.DEFAULTS.failures());

    assertThat(results)
        .extracting(GateResult::scope, GateResult::verdict)
        .containsExactly(
            tuple("pooled", Verdict.PASS),
            tuple("arm64-neon", Verdict.PASS),
            tuple("x86-64-avx2", Verdict.FAIL));
  }

  @Test
  void blamesTheNewVersionForLatencyOnlyWhenTheOldOneIsFaster() {
    long[] fast = new long[32];
    fast[10] = 1000;
    long[] slow = new long[32];
    slow[10] = 900;
    slow[28] = 100;
    long[] slowest = new long[32];
    slowest[28] = 1000;
    ShareLimit limit = GateSettings.DEFAULTS.latency();
    Duration budget = Duration.ofMillis(10);

    assertThat(LatencyGate.judge(ARM, fast, new long[32], budget, limit).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(LatencyGate.judge(ARM, slow, fast, budget, limit).verdict()).isEqualTo(Verdict.FAIL);
    assertThat(LatencyGate.judge(ARM, slow, slow, budget, limit).verdict()).isEqualTo(Verdict.PASS);
    assertThat(LatencyGate.judge(ARM, slow, new long[32], budget, limit).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(LatencyGate.judge(ARM, slowest, new long[32], budget, limit).verdict())
        .isEqualTo(Verdict.FAIL);
    assertThat(LatencyGate.judge(ARM, new long[32], fast, budget, limit).verdict())
        .isEqualTo(Verdict.NO_DATA);
  }

  @Test
  void onlyARequiredGateIsHeldUpByMissingData() {
    GateResult optional = PredictionGate.judge(0, 0, GateSettings.DEFAULTS.latency());
    GateResult required = PredictionGate.judge(0, 0, GateSettings.DEFAULTS.predictions());

    assertThat(optional.verdict()).isEqualTo(Verdict.NO_DATA);
    assertThat(optional.blocks()).isFalse();
    assertThat(required.blocks()).isTrue();
  }
}
