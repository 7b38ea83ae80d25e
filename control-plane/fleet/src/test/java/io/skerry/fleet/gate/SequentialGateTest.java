package io.skerry.fleet.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SlotId;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SequentialGateTest {
  private static final ProfileId AVX2 = new ProfileId("x86-64-avx2");
  private static final ProfileId NEON = new ProfileId("arm64-neon");

  @Test
  void passesOnceHarmAboveTheToleranceIsRuledOut() {
    GateResult result = only(Metric.FAILED_PREDICTIONS, arm(20, 5000, .01), arm(100, 5000, .01));

    assertThat(result.verdict()).isEqualTo(Verdict.PASS);
    assertThat(result.reason()).contains("20 devices", "100 control devices", "tolerance");
  }

  @Test
  void failsOnceHarmAboveTheToleranceIsShown() {
    GateResult result = only(Metric.FAILED_PREDICTIONS, arm(20, 500, .06), arm(100, 500, .01));

    assertThat(result.verdict()).isEqualTo(Verdict.FAIL);
    assertThat(result.numbers().get("low")).isGreaterThan(.01);
  }

  @Test
  void doesNotDecideWhileTheSampleHoldsBoth() {
    assertThat(only(Metric.ACCURACY, arm(10, 30, .95), arm(50, 30, .95)).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void saysThatTooLittleWasSeenRatherThanAnIntervalBeyondWhatIsPossible() {
    GateResult result = only(Metric.FAILED_PREDICTIONS, arm(3, 2, 0), arm(3, 2, 0));

    assertThat(result.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(result.reason()).contains("too little was seen").doesNotContain("between");
  }

  @Test
  void asksForNoLessProofWhileTheOtherProfilesAreSilent() {
    Evidence.OfProfile told =
        of(Metric.FAILED_PREDICTIONS, new Comparison(arm(20, 500, .03), arm(20, 500, .01)));
    FailureGate.Devices devices = new FailureGate.Devices(40, 20, 0, 0);
    FailureGate.Devices silent = new FailureGate.Devices(40, 0, 0, 0);
    Map<ProfileId, FailureGate.Devices> both = Map.of(AVX2, devices, NEON, silent);

    double early = low(both, Map.of(AVX2, told));

    assertThat(early).isEqualTo(low(both, Map.of(AVX2, told, NEON, told)));
    assertThat(early).isLessThan(low(Map.of(AVX2, devices), Map.of(AVX2, told)));
  }

  private static double low(
      Map<ProfileId, FailureGate.Devices> devices, Map<ProfileId, Evidence.OfProfile> told) {
    GateResult result =
        GateSettings.DEFAULTS
            .judge(OpenStage.first(devices, true, 3), new Evidence(told, OptionalDouble.empty()))
            .stream()
            .filter(one -> one.gate().equals(Metric.FAILED_PREDICTIONS.wireName()))
            .filter(one -> one.scope().equals(AVX2.value()))
            .findFirst()
            .orElseThrow();
    return Objects.requireNonNull(result.numbers().get("low"));
  }

  @Test
  void neverTakesSilenceForSuccess() {
    GateResult result = only(Metric.FAILED_PREDICTIONS, ArmSums.NONE, arm(50, 1000, 0));

    assertThat(result.verdict()).isEqualTo(Verdict.NO_DATA);
    assertThat(result.blocks()).isTrue();
    assertThat(GateSettings.DEFAULTS.judge(OpenStage.first(Map.of(), false, 3), Evidence.NONE))
        .anyMatch(gate -> gate.gate().equals("failed-predictions") && gate.blocks());
  }

  @Test
  void waitsForOutcomesOnlyWhereTheVersionBeforeGotSome() {
    assertThat(gates(Metric.ACCURACY, Comparison.NONE)).isEmpty();
    assertThat(gates(Metric.ACCURACY, new Comparison(ArmSums.NONE, arm(50, 100, .9))).getFirst())
        .matches(GateResult::blocks);
  }

  @Test
  void waitsForAProfileOfWhichOnlyTheControlsTellWhatHarmIsToBeRuledOutIn() {
    Comparison seen = new Comparison(arm(20, 1000, .9), arm(20, 1000, .9));
    Comparison untold = new Comparison(ArmSums.NONE, arm(20, 1000, .9));
    Map<ProfileId, Evidence.OfProfile> profiles =
        Map.of(
            AVX2,
            of(Metric.ACCURACY, seen),
            NEON,
            new Evidence.OfProfile(
                Map.of(
                    Metric.RESTARTS, seen,
                    Metric.ACCURACY, untold,
                    Metric.ACCURACY_POSITIVE, untold)));
    Evidence evidence = new Evidence(profiles, OptionalDouble.empty());

    assertThat(judged(Metric.ACCURACY, evidence))
        .filteredOn(result -> result.scope().equals("arm64-neon"))
        .singleElement()
        .matches(GateResult::blocks);
    assertThat(judged(Metric.ACCURACY_POSITIVE, evidence))
        .filteredOn(result -> result.scope().equals("arm64-neon"))
        .noneMatch(GateResult::blocks);
  }

  @Test
  void saysWhichWindowsTellNothingOfWhatIsAsked() {
    ArmSums windows = ArmSums.NONE.plus(5, 0).plus(7, 0);
    Comparison untold = new Comparison(windows, ArmSums.NONE);
    Comparison controlsOnly = new Comparison(ArmSums.NONE, arm(50, 1000, .01));
    Evidence.OfProfile seen =
        new Evidence.OfProfile(
            Map.of(Metric.SLOW_PREDICTIONS, controlsOnly, Metric.SLOW_PREDICTIONS_UNTOLD, untold));

    GateResult result =
        judged(
                Metric.SLOW_PREDICTIONS,
                new Evidence(Map.of(AVX2, seen, NEON, seen), OptionalDouble.empty()))
            .getFirst();

    assertThat(result.verdict()).isEqualTo(Verdict.NO_DATA);
    assertThat(result.blocks()).isTrue();
    assertThat(result.scope()).isEqualTo(GateResult.POOLED);
    assertThat(result.reason()).contains("24 windows of 4 devices", "byte budget");
    assertThat(result.numbers()).containsEntry("untoldWindows", 24.0);
  }

  @Test
  void isShownWhereAlsoTheControlsTellNothing() {
    ArmSums windows = ArmSums.NONE.plus(5, 0).plus(7, 0);
    Evidence.OfProfile seen =
        new Evidence.OfProfile(Map.of(Metric.CONFIDENCE_UNTOLD, new Comparison(windows, windows)));

    assertThat(judged(Metric.CONFIDENCE, new Evidence(Map.of(AVX2, seen), OptionalDouble.empty())))
        .singleElement()
        .matches(result -> result.verdict() == Verdict.NO_DATA && !result.blocks());
  }

  @Test
  void waitsForNoMemoryThatOlderAgentsDoNotTell() {
    ArmSums told = ArmSums.NONE;
    for (int device = 0; device < 10; device++) {
      told = told.plus(2000, 200);
    }
    Comparison controlsOnly = new Comparison(ArmSums.NONE, told);

    GateResult memory = judged(Metric.MEMORY, evidence(Metric.MEMORY, controlsOnly)).getFirst();
    GateResult restarts =
        judged(Metric.RESTARTS, evidence(Metric.RESTARTS, controlsOnly)).getFirst();

    assertThat(memory.verdict()).isEqualTo(Verdict.NO_DATA);
    assertThat(memory.blocks()).isFalse();
    assertThat(restarts.blocks()).isTrue();
  }

  @Test
  void lastingDifferencesBetweenDevicesAreNoHarm() {
    // Half of the new version's devices stand in a bad place: means differ, and so do devices.
    ArmSums newer = ArmSums.NONE;
    ArmSums older = ArmSums.NONE;
    for (int device = 0; device < 8; device++) {
      newer = newer.plus(100_000, device < 4 ? 8000 : 500);
      older = older.plus(100_000, device < 1 ? 8000 : 500);
    }

    assertThat(only(Metric.FAILED_PREDICTIONS, newer, older).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void aFewDevicesOfARareProfileStopAStageButDoNotHoldItBack() {
    Map<ProfileId, Evidence.OfProfile> profiles = new HashMap<>();
    profiles.put(
        AVX2,
        of(Metric.FAILED_PREDICTIONS, new Comparison(arm(50, 5000, .01), arm(50, 5000, .01))));
    profiles.put(
        NEON, of(Metric.FAILED_PREDICTIONS, new Comparison(arm(2, 50, .01), arm(3, 50, .01))));

    List<GateResult> results =
        judged(Metric.FAILED_PREDICTIONS, new Evidence(profiles, OptionalDouble.empty()));

    assertThat(results)
        .extracting(GateResult::scope)
        .containsExactly("pooled", "arm64-neon", "x86-64-avx2");
    assertThat(results).noneMatch(GateResult::blocks);
    assertThat(results.get(1).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"2,2,1,1", "3,1,1,1", "4,1,1,0"})
  void stopsABadModelOnAFewDevicesOfEachOfSeveralProfiles(String devices) {
    Random random = new Random(1);
    Map<ProfileId, Evidence.OfProfile> profiles = new HashMap<>();
    for (String count : devices.split(",", -1)) {
      profiles.put(
          new ProfileId("profile-" + profiles.size()),
          of(
              Metric.ACCURACY,
              new Comparison(arm(Integer.parseInt(count), 14, 0), randomArm(random, 11, 14, .95))));
    }
    GateSpec wide =
        new GateSpec(
            Metric.ACCURACY, .15, 0, GateSpec.Promote.NO_HARM_SHOWN, GateAction.ROLLBACK, 80);

    GateResult pooled =
        GateSettings.DEFAULTS
            .with(wide)
            .judge(
                OpenStage.first(Map.of(), true, 3), new Evidence(profiles, OptionalDouble.empty()))
            .stream()
            .filter(result -> result.gate().equals(Metric.ACCURACY.wireName()))
            .findFirst()
            .orElseThrow();

    assertThat(pooled.scope()).isEqualTo(GateResult.POOLED);
    assertThat(pooled.verdict()).isEqualTo(Verdict.FAIL);
    assertThat(pooled.reason()).contains("and +100.00 points");
  }

  @Test
  void decidesNothingByTwoDevicesInDifferentProfiles() {
    Map<ProfileId, Evidence.OfProfile> profiles = new HashMap<>();
    for (ProfileId profile : List.of(AVX2, NEON)) {
      profiles.put(profile, of(Metric.ACCURACY, new Comparison(arm(1, 100, 0), arm(11, 100, .96))));
    }

    GateResult pooled =
        judged(Metric.ACCURACY, new Evidence(profiles, OptionalDouble.empty())).getFirst();

    assertThat(pooled.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void goesOnWithoutProofOnlyWhereHarmIsUnlikely() {
    assertThat(only(Metric.ACCURACY_POSITIVE, arm(20, 5, .8), arm(50, 5, .9)))
        .matches(result -> result.verdict() == Verdict.INCONCLUSIVE)
        .matches(GateResult::blocks);
    assertThat(only(Metric.ACCURACY_POSITIVE, arm(20, 5, .88), arm(50, 5, .9)))
        .matches(result -> result.verdict() == Verdict.INCONCLUSIVE)
        .matches(result -> !result.blocks());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void aFewDevicesOfARareProfileHideNothingThatTheOthersShow(int rare) {
    Map<ProfileId, Evidence.OfProfile> profiles = new HashMap<>();
    profiles.put(
        AVX2,
        of(Metric.FAILED_PREDICTIONS, new Comparison(arm(50, 5000, .01), arm(50, 5000, .01))));
    profiles.put(
        NEON, of(Metric.FAILED_PREDICTIONS, new Comparison(arm(rare, 50, .01), arm(1, 50, .01))));
    Evidence evidence = new Evidence(profiles, OptionalDouble.empty());

    assertThat(judged(Metric.FAILED_PREDICTIONS, evidence)).noneMatch(GateResult::blocks);
    assertThat(judged(Metric.FAILED_PREDICTIONS, evidence).getFirst().verdict())
        .isEqualTo(Verdict.PASS);
  }

  @Test
  void comparesProfilesWithinThemselvesAlsoWhenTheyAreOneStratum() {
    // The new version stands mostly where predictions are hard anyway: no difference in any
    // profile, and none between devices.
    Effect together =
        Effect.ofControls(
            List.of(
                new Comparison(arm(3, 90, .6), arm(30, 90, .6)),
                new Comparison(arm(1, 30, .9), arm(30, 30, .9))));

    assertThat(together.difference()).isCloseTo(0, within(1e-12));
    assertThat(together.reference()).isCloseTo((270 * .6 + 30 * .9) / 300, within(1e-12));
    assertThat(together.spread()).isLessThan(.003);
  }

  @Test
  void takesOneBusyDeviceForNoMoreThanOne() {
    ArmSums busy = arm(1, 10_000, .05).plus(arm(4, 100, .01));

    assertThat(busy.effectiveDevices()).isLessThan(1.1);
    assertThat(only(Metric.FAILED_PREDICTIONS, busy, arm(50, 1000, .01)).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void stopsNothingByOneControlDevice() {
    ArmSums newer = arm(1, 5000, .025).plus(arm(2, 5000, .03)).plus(arm(1, 5000, .035));

    List<GateResult> results =
        judged(
            Metric.FAILED_PREDICTIONS,
            evidence(
                Metric.FAILED_PREDICTIONS,
                new Comparison(newer, arm(1, 5000, 0)),
                new Comparison(arm(1, 200, .01), arm(50, 5000, .01))));

    assertThat(results).noneMatch(result -> result.verdict() == Verdict.FAIL);
  }

  @Test
  void decidesByTheLimitWhereOnlyStragglersRunTheVersionBefore() {
    for (int stragglers = 0; stragglers < 4; stragglers++) {
      assertThat(
              only(Metric.FAILED_PREDICTIONS, arm(50, 5000, .005), arm(stragglers, 60, 0))
                  .verdict())
          .as("%d stragglers", stragglers)
          .isEqualTo(Verdict.PASS);
    }
    assertThat(only(Metric.FAILED_PREDICTIONS, arm(50, 5000, .5), arm(1, 60, 0)))
        .matches(result -> result.verdict() == Verdict.INCONCLUSIVE)
        .matches(GateResult::blocks);
  }

  @Test
  void saysNothingOfWhatCanOnlyBeComparedWhereNothingIsToCompareWith() {
    Comparison compared = new Comparison(arm(20, 10_000, .9), arm(20, 10_000, .9));
    Comparison alone = new Comparison(arm(10, 1000, .05), ArmSums.NONE);
    for (Metric metric :
        List.of(
            Metric.PREDICTIONS,
            Metric.CONFIDENCE,
            Metric.ACCURACY,
            Metric.ACCURACY_NEGATIVE,
            Metric.ACCURACY_POSITIVE)) {
      List<GateResult> results = judged(metric, evidence(metric, compared, alone));

      assertThat(results)
          .extracting(GateResult::verdict)
          .as(metric.wireName())
          .containsExactly(Verdict.PASS, Verdict.PASS, Verdict.INCONCLUSIVE);
      assertThat(results.getLast().reason()).contains("too few control devices");
      assertThat(results).noneMatch(GateResult::blocks);
    }
  }

  @Test
  void comparesWithNoProfileThatTheStageDoesNotTouch() {
    List<GateResult> results =
        judged(
            Metric.FAILED_PREDICTIONS,
            evidence(
                Metric.FAILED_PREDICTIONS,
                new Comparison(arm(20, 5000, .005), ArmSums.NONE),
                new Comparison(ArmSums.NONE, arm(50, 5000, .005))));

    assertThat(results.getFirst().verdict()).isEqualTo(Verdict.PASS);
    assertThat(results.getFirst().reason()).contains("allowed");
  }

  @Test
  void waitsForAProfileOfWhichOneDeviceTellsWhatHarmIsToBeRuledOutIn() {
    Comparison whole = new Comparison(arm(50, 1000, .9), arm(50, 1000, .9));
    Comparison silent = new Comparison(arm(1, 10, 0), arm(20, 1000, .9));
    Map<ProfileId, Evidence.OfProfile> profiles =
        Map.of(
            AVX2,
            of(Metric.ACCURACY, whole),
            NEON,
            new Evidence.OfProfile(Map.of(Metric.RESTARTS, whole, Metric.ACCURACY, silent)));

    assertThat(judged(Metric.ACCURACY, new Evidence(profiles, OptionalDouble.empty())))
        .filteredOn(result -> result.scope().equals("arm64-neon"))
        .singleElement()
        .matches(GateResult::blocks);
  }

  @Test
  void isNotHeldBackByADeviceThatHasAlwaysBeenOtherThanTheRest() {
    // Compared with the overall share of their controls the four and the one would differ a lot.
    List<GateResult> results =
        judged(
            Metric.FAILED_PREDICTIONS,
            evidence(
                Metric.FAILED_PREDICTIONS,
                new Comparison(arm(20, 5000, .01), arm(50, 5000, .01)),
                new Comparison(arm(3, 5000, .01), arm(50, 5000, .01)),
                new Comparison(arm(1, 5000, .06), arm(50, 5000, .06))));

    assertThat(results.getFirst().verdict()).isEqualTo(Verdict.PASS);
  }

  @Test
  void holdsTwoAlikeDevicesOfLikelyHarm() {
    ArmSums newer = arm(1, 100, .1).plus(arm(1, 100, .3));

    assertThat(only(Metric.ACCURACY_POSITIVE, newer, arm(50, 100, .9)))
        .matches(result -> result.verdict() == Verdict.INCONCLUSIVE)
        .matches(GateResult::blocks);
    assertThat(only(Metric.ACCURACY_POSITIVE, arm(1, 100, 0), arm(50, 100, .9)))
        .matches(GateResult::blocks);
    assertThat(only(Metric.ACCURACY_POSITIVE, arm(1, 100, .87), arm(50, 100, .9)))
        .matches(result -> !result.blocks());
  }

  @Test
  void stopsNothingByALimitThatTheVersionBeforeDoesNotKeepEither() {
    ArmSums busy = arm(1, 10_000, .05).plus(arm(49, 100, .05));
    for (ArmSums controls : List.of(arm(1, 5000, .05), arm(3, 5000, .05), busy)) {
      GateResult result = only(Metric.FAILED_PREDICTIONS, arm(50, 5000, .05), controls);

      assertThat(result.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    }
  }

  @Test
  void stopsWhatIsOverTheBudgetThatTheVersionBeforeKeeps() {
    assertThat(only(Metric.OVER_BUDGET, arm(20, 5000, .5), arm(20, 5000, 0)))
        .matches(result -> result.verdict() == Verdict.FAIL)
        .matches(result -> result.reason().contains("1.00% allowed"));
    assertThat(only(Metric.OVER_BUDGET, arm(20, 5000, .012), arm(20, 5000, 0)).verdict())
        .as("compared, it would be worse by more than the tolerance")
        .isEqualTo(Verdict.PASS);
    assertThat(only(Metric.OVER_BUDGET, arm(20, 5000, .5), ArmSums.NONE).verdict())
        .as("a first deployment")
        .isEqualTo(Verdict.FAIL);
  }

  @Test
  void stopsNothingByABudgetThatTheVersionBeforeDoesNotKeepEither() {
    assertThat(only(Metric.OVER_BUDGET, arm(20, 5000, .5), arm(20, 5000, .5)))
        .matches(result -> result.verdict() == Verdict.PASS)
        .matches(result -> result.reason().contains("50.00% allowed"));
  }

  @Test
  void anyTwoClassesLieApart() {
    for (int one = 0; one < 100; one++) {
      for (int other = 0; other < one; other++) {
        assertThat(Math.abs(Metric.place(one) - Metric.place(other))).isGreaterThan(.004);
      }
    }
    assertThat(Metric.place(0)).isZero();
    assertThat(Metric.place(1)).isCloseTo(.618, within(.001));
  }

  @Test
  void stopsByFewControlsWhatNothingElseCanJudge() {
    assertThat(only(Metric.ACCURACY_POSITIVE, arm(20, 100, 0), arm(3, 100, .9)).verdict())
        .isEqualTo(Verdict.FAIL);
    assertThat(
            only(Metric.ACCURACY, arm(50, 100, 0), arm(49, 100, .95).plus(arm(1, 10_000, .95)))
                .verdict())
        .isEqualTo(Verdict.FAIL);
  }

  @Test
  void waitsForNoControlsThatAreFarFewerThanWhatIsJudged() {
    assertThat(only(Metric.FAILED_PREDICTIONS, arm(1000, 5000, .005), arm(4, 60, 0)).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(only(Metric.FAILED_PREDICTIONS, arm(4, 5000, .005), arm(2, 5000, .005)).verdict())
        .isEqualTo(Verdict.PASS);
    Evidence promised =
        new Evidence(
            Map.of(AVX2, of(Metric.ACCURACY, new Comparison(arm(1000, 100, .95), arm(20, 3, .95)))),
            OptionalDouble.of(.93));
    assertThat(judged(Metric.ACCURACY, promised).getFirst().verdict()).isEqualTo(Verdict.PASS);
  }

  @Test
  void isNotHeldBackByALoneDeviceThatAloneHasControls() {
    Comparison lone = new Comparison(arm(1, 5000, .005), arm(50, 5000, .005));
    Comparison few = new Comparison(arm(6, 5000, .005), arm(3, 5000, .005));
    Comparison busy = new Comparison(arm(1, 100_000, .005), arm(50, 5000, .005));
    Comparison none = new Comparison(arm(20, 5000, .005), ArmSums.NONE);
    for (Evidence seen :
        List.of(
            evidence(Metric.FAILED_PREDICTIONS, lone, few),
            evidence(Metric.FAILED_PREDICTIONS, busy, none))) {
      assertThat(judged(Metric.FAILED_PREDICTIONS, seen)).noneMatch(GateResult::blocks);
    }
    Random random = new Random(1);
    Evidence confidence =
        evidence(
            Metric.CONFIDENCE,
            new Comparison(arm(1, 1000, .83), randomArm(random, 50, 1000, .9)),
            new Comparison(arm(50, 1000, .9), ArmSums.NONE));
    assertThat(judged(Metric.CONFIDENCE, confidence)).noneMatch(GateResult::blocks);
  }

  @Test
  void waitsForNoOutcomesThatOnlyUntouchedProfilesGet() {
    Map<ProfileId, Evidence.OfProfile> profiles =
        Map.of(
            AVX2,
            of(Metric.FAILED_PREDICTIONS, new Comparison(arm(20, 5000, .005), arm(20, 5000, .005))),
            NEON,
            of(Metric.ACCURACY, new Comparison(ArmSums.NONE, arm(50, 100, .9))));

    assertThat(judged(Metric.ACCURACY, new Evidence(profiles, OptionalDouble.empty()))).isEmpty();
  }

  @Test
  void judgesEachPartOfAUnitBesideItsOwnVersionBefore() {
    Evidence eyes = evidence(Metric.FAILED_PREDICTIONS, bothArms(50, 10_000, .002, .002));
    Evidence ears = evidence(Metric.FAILED_PREDICTIONS, bothArms(50, 100, .3, .002));
    Evidence summed =
        evidence(
            Metric.FAILED_PREDICTIONS,
            new Comparison(
                arm(50, 10_100, (10_000 * .002 + 100 * .3) / 10_100), arm(50, 10_100, .002)));

    assertThat(judged(Metric.FAILED_PREDICTIONS, summed))
        .as("kept before parts were told apart")
        .allMatch(result -> result.verdict() == Verdict.PASS);
    List<GateResult> results =
        judged(
            Metric.FAILED_PREDICTIONS,
            Evidence.of(Map.of(new SlotId("eyes"), eyes, new SlotId("ears"), ears)));
    assertThat(results)
        .extracting(GateResult::scope)
        .containsExactly("ears/profile-0", "eyes/profile-0");
    assertThat(results).extracting(GateResult::verdict).containsExactly(Verdict.FAIL, Verdict.PASS);
  }

  @Test
  void judgesAPartThatIsTheFirstInItsSlotByItsLimitWhateverTheOthersReplace() {
    Evidence failing =
        evidence(Metric.FAILED_PREDICTIONS, new Comparison(arm(500, 5000, .04), ArmSums.NONE));
    Evidence good = evidence(Metric.FAILED_PREDICTIONS, bothArms(500, 5000, .001, .001));
    OpenStage replacing = OpenStage.first(Map.of(), true, 3);

    for (boolean first : new boolean[] {false, true}) {
      Evidence unit =
          Evidence.of(
              Map.of(
                  new SlotId("eyes"),
                  good,
                  new SlotId("nose"),
                  first ? failing.asFirst() : failing));
      assertThat(GateSettings.DEFAULTS.judge(replacing, unit))
          .filteredOn(result -> result.gate().equals(Metric.FAILED_PREDICTIONS.wireName()))
          .filteredOn(result -> result.scope().startsWith("nose/"))
          .singleElement()
          .matches(result -> result.verdict() == (first ? Verdict.FAIL : Verdict.INCONCLUSIVE));
    }
  }

  private static Comparison bothArms(int devices, double trials, double newer, double older) {
    return new Comparison(arm(devices, trials, newer), arm(devices, trials, older));
  }

  @Test
  void judgesTwoDevicesOfUnequalTrials() {
    assertThat(
            only(
                    Metric.FAILED_PREDICTIONS,
                    arm(1, 5000, 1).plus(arm(1, 5001, 1)),
                    arm(50, 5000, .01))
                .verdict())
        .isEqualTo(Verdict.FAIL);
  }

  @Test
  void waitsForDevicesThatRunTheVersionAndSayNothing() {
    Comparison whole = new Comparison(arm(50, 5000, .005), arm(50, 5000, .005));
    Map<ProfileId, Evidence.OfProfile> profiles =
        Map.of(
            AVX2,
            of(Metric.FAILED_PREDICTIONS, whole),
            NEON,
            of(Metric.FAILED_PREDICTIONS, new Comparison(arm(2, 5000, .005), whole.older())));
    Map<ProfileId, FailureGate.Devices> devices =
        Map.of(NEON, new FailureGate.Devices(50, 50, 0, 0));

    assertThat(
            GateSettings.DEFAULTS.judge(
                OpenStage.first(devices, true, 3), new Evidence(profiles, OptionalDouble.empty())))
        .filteredOn(result -> result.scope().equals("arm64-neon"))
        .anyMatch(GateResult::blocks);
  }

  @Test
  void waitsForNoMoreOutcomesThanItsControlsGet() {
    Comparison told = new Comparison(arm(8, 5000, .005), arm(80, 5000, .005));
    Comparison outcomes = new Comparison(arm(2, 1000, .9), arm(20, 1000, .9));
    Comparison whole = new Comparison(arm(50, 10_000, .9), arm(50, 10_000, .9));
    Map<ProfileId, Evidence.OfProfile> profiles =
        Map.of(
            AVX2,
            of(Metric.ACCURACY, whole),
            NEON,
            new Evidence.OfProfile(
                Map.of(Metric.FAILED_PREDICTIONS, told, Metric.ACCURACY, outcomes)));

    assertThat(judged(Metric.ACCURACY, new Evidence(profiles, OptionalDouble.empty())))
        .noneMatch(GateResult::blocks);
  }

  @Test
  void doesNotRollBackWhatIsNoWorseWhereNobodyRunsTheVersionBeforeAnyMore() {
    Evidence all =
        evidence(Metric.FAILED_PREDICTIONS, new Comparison(arm(500, 5000, .04), ArmSums.NONE));

    assertThat(GateSettings.DEFAULTS.judge(OpenStage.first(Map.of(), true, 3), all))
        .filteredOn(result -> result.gate().equals("failed-predictions"))
        .singleElement()
        .matches(result -> result.verdict() == Verdict.INCONCLUSIVE)
        .matches(result -> result.reason().endsWith("keeps that is not known"));
    assertThat(GateSettings.DEFAULTS.judge(OpenStage.first(Map.of(), false, 3), all))
        .filteredOn(result -> result.gate().equals("failed-predictions"))
        .allMatch(result -> result.verdict() == Verdict.FAIL);
    Evidence promised =
        new Evidence(
            Map.of(AVX2, of(Metric.ACCURACY, new Comparison(arm(1000, 100, .92), arm(1, 3, 1)))),
            OptionalDouble.of(.95));
    assertThat(judged(Metric.ACCURACY, promised).getFirst().verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
    ArmSums uneven = arm(900, 5000, .005).plus(arm(100, 5000, .4));
    assertThat(only(Metric.FAILED_PREDICTIONS, uneven, arm(1, 5000, .005)))
        .matches(result -> result.verdict() == Verdict.INCONCLUSIVE);
    assertThat(
            judged(
                Metric.FAILED_PREDICTIONS,
                evidence(
                    Metric.FAILED_PREDICTIONS,
                    new Comparison(arm(500, 5000, .04), ArmSums.NONE),
                    new Comparison(arm(5, 5000, .005), arm(1, 5000, .005)))))
        .noneMatch(result -> result.verdict() == Verdict.FAIL);
  }

  @Test
  void stopsOrHoldsWhatFailsOnManyDevicesOfRareProfilesBesideALargeOne() {
    assertThat(failingOnRare(2).verdict()).isEqualTo(Verdict.FAIL);
    assertThat(failingOnRare(0))
        .matches(result -> result.verdict() == Verdict.INCONCLUSIVE)
        .matches(GateResult::blocks)
        .matches(result -> result.reason().startsWith("100.00% of 50000 on 10 devices"));

    Comparison[] profiles = new Comparison[21];
    profiles[0] = new Comparison(arm(4, 5000, .005), arm(50, 5000, .005));
    for (int rare = 1; rare < profiles.length; rare++) {
      profiles[rare] = new Comparison(arm(3, 1000, rare % 2 == 0 ? 0 : .1), ArmSums.NONE);
    }
    assertThat(judged(Metric.FAILED_PREDICTIONS, evidence(Metric.FAILED_PREDICTIONS, profiles)))
        .first()
        .matches(GateResult::blocks);
  }

  private static GateResult failingOnRare(int controls) {
    Comparison[] profiles = new Comparison[11];
    profiles[0] = new Comparison(arm(9, 5000, .005), arm(12, 5000, .005));
    for (int rare = 1; rare < profiles.length; rare++) {
      profiles[rare] = new Comparison(arm(1, 5000, 1), arm(controls, 5000, .005));
    }
    return judged(Metric.FAILED_PREDICTIONS, evidence(Metric.FAILED_PREDICTIONS, profiles))
        .getFirst();
  }

  @Test
  void holdsAnAlwaysWrongVersionOfWhichOneDeviceIsBusy() {
    ArmSums newer = arm(19, 20, 0).plus(arm(1, 2000, 0));
    assertThat(only(Metric.ACCURACY, newer, arm(80, 20, .95))).matches(GateResult::blocks);
    assertThat(only(Metric.ACCURACY, arm(1, 1001, 0), arm(50, 100, .95)))
        .matches(GateResult::blocks);
  }

  @Test
  void waitsForNoControlsThatWereSoForAMomentOnly() {
    assertThat(only(Metric.FAILED_PREDICTIONS, arm(100, 600, .005), arm(60, 50, .005)).verdict())
        .isEqualTo(Verdict.PASS);
    Evidence promised =
        new Evidence(
            Map.of(AVX2, of(Metric.ACCURACY, new Comparison(arm(1000, 100, .95), arm(3, 8, 1)))),
            OptionalDouble.of(.93));
    assertThat(judged(Metric.ACCURACY, promised)).noneMatch(GateResult::blocks);
  }

  @Test
  void rarelyStopsAHarmlessVersionOnAFewDevicesOfEachOfSeveralProfiles() {
    int stopped = 0;
    int runs = 2000;
    for (long seed = 0; seed < runs; seed++) {
      Random random = new Random(seed);
      Map<ProfileId, Evidence.OfProfile> profiles = new HashMap<>();
      for (int profile = 0; profile < 4; profile++) {
        // Profiles differ, and devices of a profile differ.
        double mean = .9 - .1 * profile;
        profiles.put(
            new ProfileId("profile-" + profile),
            of(
                Metric.ACCURACY,
                new Comparison(
                    randomArm(random, 1 + profile % 2, 60, mean), randomArm(random, 6, 60, mean))));
      }
      stopped +=
          judged(Metric.ACCURACY, new Evidence(profiles, OptionalDouble.empty())).stream()
                  .anyMatch(result -> result.verdict() == Verdict.FAIL)
              ? 1
              : 0;
    }

    assertThat((double) stopped / runs).isLessThanOrEqualTo(GateSettings.FALSE_ABORT);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void rarelyStopsAHarmlessVersionOnFiveDevicesOfEachOfManyProfiles(boolean outliers) {
    int stopped = 0;
    int runs = 300;
    for (long seed = 0; seed < runs; seed++) {
      Random random = new Random(seed);
      double[][] lasting = new double[10][25];
      double[][] hits = new double[10][25];
      for (double[] profile : lasting) {
        for (int device = 0; device < 25; device++) {
          double alike = Math.clamp(.9 + .05 * random.nextGaussian(), 0.0, 1.0);
          profile[device] = outliers && random.nextDouble() < .05 ? .3 : alike;
        }
      }
      boolean out = false;
      for (int look = 1; look <= 12 && !out; look++) {
        Comparison[] profiles = new Comparison[10];
        for (int profile = 0; profile < 10; profile++) {
          ArmSums newer = ArmSums.NONE;
          ArmSums older = ArmSums.NONE;
          for (int device = 0; device < 25; device++) {
            hits[profile][device] += hits(random, 30, lasting[profile][device]);
            if (device < 5) {
              newer = newer.plus(30.0 * look, hits[profile][device]);
            } else {
              older = older.plus(30.0 * look, hits[profile][device]);
            }
          }
          profiles[profile] = new Comparison(newer, older);
        }
        out =
            judged(Metric.ACCURACY, evidence(Metric.ACCURACY, profiles)).stream()
                .anyMatch(result -> result.verdict() == Verdict.FAIL);
      }
      stopped += out ? 1 : 0;
    }

    assertThat((double) stopped / runs).isLessThanOrEqualTo(GateSettings.FALSE_ABORT);
  }

  @Test
  void judgesAFirstDeploymentByLimitsAndByThePromise() {
    assertThat(only(Metric.FAILED_PREDICTIONS, arm(20, 5000, .005), ArmSums.NONE).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(only(Metric.SLOW_PREDICTIONS, arm(20, 5000, .2), ArmSums.NONE).verdict())
        .isEqualTo(Verdict.FAIL);
    Evidence promised =
        new Evidence(
            Map.of(AVX2, of(Metric.ACCURACY, new Comparison(arm(20, 500, .8), ArmSums.NONE))),
            OptionalDouble.of(.95));
    assertThat(judged(Metric.ACCURACY, promised).getFirst())
        .matches(result -> result.verdict() == Verdict.FAIL)
        .matches(result -> result.reason().contains("promised"));
  }

  @Test
  void coversTheTruthAtEveryLookAtOnce() {
    int missed = 0;
    int runs = 400;
    for (long seed = 0; seed < runs; seed++) {
      Random random = new Random(seed);
      double[] newer = new double[20];
      double[] older = new double[40];
      double[] lasting = new double[60];
      for (int device = 0; device < lasting.length; device++) {
        lasting[device] = Math.max(0, .02 + .008 * random.nextGaussian());
      }
      boolean out = false;
      for (int look = 1; look <= 120 && !out; look++) {
        ArmSums now = ArmSums.NONE;
        ArmSums before = ArmSums.NONE;
        for (int device = 0; device < 20; device++) {
          newer[device] += hits(random, 60, lasting[device]);
          now = now.plus(60.0 * look, newer[device]);
        }
        for (int device = 0; device < 40; device++) {
          older[device] += hits(random, 60, lasting[20 + device]);
          before = before.plus(60.0 * look, older[device]);
        }
        double radius = MixtureSequence.radius(now.variance() + before.variance(), .01, .05);
        out = Math.abs(now.share() - before.share()) > radius;
      }
      missed += out ? 1 : 0;
    }

    assertThat((double) missed / runs).isLessThanOrEqualTo(.05);
  }

  @Test
  void countsLittleOfTheOldVersionAsSlowWhateverItsLatenciesAre() {
    assertThat(LatencyEdge.of(List.of(0L, 0L, 5000L, 0L), Optional.empty())).hasValue(3);
    assertThat(LatencyEdge.of(List.of(0L, 3000L, 2000L, 0L), Optional.empty())).hasValue(3);
    assertThat(LatencyEdge.of(List.of(5000L, 0L, 0L), Optional.empty())).hasValue(1);
    assertThat(LatencyEdge.of(List.of(0L, 4500L, 500L, 0L), Optional.empty()))
        .as("1 in 10 is allowed")
        .hasValue(2);
    assertThat(LatencyEdge.of(List.of(0L, 4499L, 501L, 0L), Optional.empty()))
        .as("more is not")
        .hasValue(3);
  }

  @Test
  void looksForSlownessFromWhereOneOutlierAloneLies() {
    assertThat(LatencyEdge.of(List.of(0L, 5000L, 0L, 0L, 0L, 0L, 1L), Optional.empty()))
        .as("not only from the outlier on")
        .hasValue(2);
  }

  @Test
  void choosesTheLatencyThatOneInAHundredExceeds() {
    List<Long> bins = List.of(0L, 500L, 300L, 150L, 40L, 8L, 2L);

    assertThat(LatencyEdge.of(bins, Optional.empty())).hasValue(5);
    assertThat(LatencyEdge.of(List.of(1L), Optional.of(Duration.ofMillis(1)))).hasValue(20);
    assertThat(LatencyEdge.of(List.of(), Optional.empty())).isEmpty();
  }

  @Test
  void tellsBeforehandWhatItCanSee() {
    Outlook three = outlook(3, 100, 0).getFirst();
    assertThat(three.excludes()).isGreaterThan(.5);
    assertThat(three.enough()).isFalse();

    assertThat(outlook(100, 100, 3600))
        .filteredOn(one -> one.gate().equals("failed-predictions"))
        .allMatch(Outlook::enough);
    assertThat(outlook(3, 100, 0))
        .filteredOn(one -> one.gate().equals("failed-predictions"))
        .allMatch(one -> one.text().contains("NO_DATA"));
    assertThat(outlook(100, 1, 3600))
        .filteredOn(one -> one.gate().equals("confidence"))
        .singleElement()
        .matches(one -> !one.enough() && one.text().contains("too few control devices"));
    assertThat(outlook(100, 100, .5))
        .filteredOn(one -> one.gate().equals("latency-p99"))
        .singleElement()
        .matches(one -> !one.enough() && one.text().endsWith("needs 200"));
  }

  @Test
  void tellsBeforehandWhatItCanSeeOnAFewDevicesOfSeveralProfiles() {
    Map<ProfileId, Outlook.Size> sizes = new HashMap<>();
    for (int profile = 0; profile < 4; profile++) {
      sizes.put(new ProfileId("profile-" + profile), new Outlook.Size(2, 11, 100_000, 10_000, 60));
    }

    Map<String, List<Outlook>> all =
        GateSettings.DEFAULTS.outlook(sizes, OptionalDouble.empty(), 3, 1);

    assertThat(all.keySet())
        .containsExactly("pooled", "profile-0", "profile-1", "profile-2", "profile-3");
    assertThat(all.get("pooled"))
        .filteredOn(one -> one.gate().equals("failed-predictions"))
        .allMatch(Outlook::enough);
    assertThat(all.get("profile-0"))
        .filteredOn(one -> one.gate().equals("failed-predictions"))
        .noneMatch(Outlook::enough);
  }

  @Test
  void refusesLimitsThatAreNone() {
    GateSpec good = GateSettings.DEFAULTS.metrics().getFirst();
    assertThatThrownBy(
            () -> new GateSpec(good.metric(), 0, good.limit(), good.promote(), good.action(), 1))
        .hasMessageStartingWith("gates.failed-predictions.tolerance");
    assertThatThrownBy(
            () -> new GateSettings(GateSettings.DEFAULTS.failures(), List.of(good, good)))
        .hasMessageStartingWith("gates.failed-predictions");
  }

  @Test
  void tellsBeforeTheStartWhatALaterStageAloneIsJudgedBy() {
    assertThat(alone(40, true).keySet()).containsExactly("stage profile-0");
    assertThat(told(40, true, Metric.FAILED_PREDICTIONS))
        .isEqualTo(outlook(40, 400, 1000).get(1).text());
    assertThat(told(40, false, Metric.FAILED_PREDICTIONS))
        .endsWith("harm shown or likely stops or holds a stage smaller than the first");
    assertThat(told(4, false, Metric.FAILED_PREDICTIONS)).endsWith("but hold nothing back");
    assertThat(alone(40, false).values().iterator().next().getFirst().text())
        .as("devices that fail the update are judged alike")
        .isEqualTo(outlook(40, 400, 1000).getFirst().text());
  }

  private static String told(long devices, boolean asLarge, Metric metric) {
    return alone(devices, asLarge).values().iterator().next().stream()
        .filter(one -> one.gate().equals(metric.wireName()))
        .findFirst()
        .orElseThrow()
        .text();
  }

  private static Map<String, List<Outlook>> alone(long devices, boolean asLarge) {
    return GateSettings.DEFAULTS.outlookAlone(
        Map.of(new ProfileId("profile-0"), new Outlook.Size(devices, 400, 1000, 100, 60)),
        OptionalDouble.empty(),
        3,
        1,
        asLarge);
  }

  private static List<Outlook> outlook(long devices, long controls, double predictions) {
    Outlook.Size size = new Outlook.Size(devices, controls, predictions, predictions / 10, 60);
    return GateSettings.DEFAULTS
        .outlook(Map.of(AVX2, size), OptionalDouble.empty(), 3, 1)
        .values()
        .iterator()
        .next();
  }

  private static double hits(Random random, int trials, double share) {
    int hits = 0;
    for (int trial = 0; trial < trials; trial++) {
      hits += random.nextDouble() < share ? 1 : 0;
    }
    return hits;
  }

  private static ArmSums randomArm(Random random, int devices, int trials, double mean) {
    ArmSums sums = ArmSums.NONE;
    for (int device = 0; device < devices; device++) {
      double share = Math.clamp(mean + .05 * random.nextGaussian(), 0.0, 1.0);
      sums = sums.plus(trials, hits(random, trials, share));
    }
    return sums;
  }

  private static ArmSums arm(int devices, double trials, double share) {
    ArmSums sums = ArmSums.NONE;
    for (int device = 0; device < devices; device++) {
      sums = sums.plus(trials, trials * share);
    }
    return sums;
  }

  private static Evidence evidence(Metric metric, Comparison... profiles) {
    Map<ProfileId, Evidence.OfProfile> all = new HashMap<>();
    for (Comparison one : profiles) {
      all.put(new ProfileId("profile-" + all.size()), of(metric, one));
    }
    return new Evidence(all, OptionalDouble.empty());
  }

  private static Evidence.OfProfile of(Metric metric, Comparison comparison) {
    return new Evidence.OfProfile(Map.of(metric, comparison));
  }

  private static GateResult only(Metric metric, ArmSums newer, ArmSums older) {
    return gates(metric, new Comparison(newer, older)).getFirst();
  }

  private static List<GateResult> gates(Metric metric, Comparison comparison) {
    return judged(
        metric, new Evidence(Map.of(AVX2, of(metric, comparison)), OptionalDouble.empty()));
  }

  private static boolean hasControls(Evidence evidence) {
    return evidence.profiles().values().stream()
        .flatMap(profile -> profile.metrics().values().stream())
        .anyMatch(Comparison::hasControls);
  }

  private static List<GateResult> judged(Metric metric, Evidence evidence) {
    return GateSettings.DEFAULTS
        .judge(OpenStage.first(Map.of(), hasControls(evidence), 3), evidence)
        .stream()
        .filter(result -> result.gate().equals(metric.wireName()))
        .toList();
  }
}
