package io.skerry.fleet.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Devices that a version kills stop it, and those that go and come anyway do not. */
class LostDevicesTest {
  private static final ProfileId AVX2 = new ProfileId("x86-64-avx2");
  private static final int DEVICES = 1000;
  private static final int STAGE = 100;
  private static final int MINUTES = 24 * 60;
  private static final int FLEETS = 20;

  private static GateResult judged(ArmSums newer, ArmSums older) {
    return judged(Map.of(Metric.LOST_DEVICES, new Comparison(newer, older)), (int) newer.devices())
        .stream()
        .filter(one -> one.gate().equals("lost-devices"))
        .findFirst()
        .orElseThrow();
  }

  private static List<GateResult> judged(Map<Metric, Comparison> seen, int committed) {
    return GateSettings.DEFAULTS.judge(
        OpenStage.first(Map.of(AVX2, new FailureGate.Devices(committed, committed, 0, 0)), true, 3),
        new Evidence(Map.of(AVX2, new Evidence.OfProfile(seen)), OptionalDouble.empty()));
  }

  @Test
  void stopsAVersionThatKillsTwoOfFive() {
    GateResult result = judged(ArmSums.ofDevices(100, 40), ArmSums.ofDevices(900, 10));

    assertThat(result.verdict()).isEqualTo(Verdict.FAIL);
    assertThat(result.action()).isEqualTo(GateAction.PAUSE);
    assertThat(result.reason()).contains("40.00% of 100 on 100 devices", "900 control devices");
  }

  @Test
  void holdsAStageOfFiveOfWhichTwoAreGone() {
    assertThat(judged(ArmSums.ofDevices(5, 2), ArmSums.ofDevices(500, 5)).blocks()).isTrue();
    assertThat(judged(ArmSums.ofDevices(5, 0), ArmSums.ofDevices(500, 5)).blocks()).isFalse();
  }

  @Test
  void saysNothingWhereNobodyTellsHowManyAreAwayAnyway() {
    assertThat(judged(Map.of(Metric.LOST_DEVICES, gone(100, 90)), 100))
        .noneMatch(one -> one.gate().equals("lost-devices"));
  }

  private static Comparison gone(int devices, int lost) {
    return new Comparison(ArmSums.ofDevices(devices, lost), ArmSums.NONE);
  }

  @Test
  void survivorsThatAreGoodDoNotPassForThoseThatAreSilent() {
    ArmSums good = ArmSums.NONE;
    ArmSums older = ArmSums.NONE;
    for (int device = 0; device < 40; device++) {
      good = good.plus(5000, 25);
      older = older.plus(5000, 25);
    }
    Comparison seen = new Comparison(good, older);

    GateResult few = failed(judged(Map.of(Metric.FAILED_PREDICTIONS, seen), 100));
    assertThat(few.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(few.blocks()).isTrue();
    assertThat(few.reason()).contains("of 100 devices that run the version only 40 tell");
    assertThat(failed(judged(Map.of(Metric.FAILED_PREDICTIONS, seen), 60)).verdict())
        .isEqualTo(Verdict.PASS);
    // As many idle among the controls.
    Comparison all = new Comparison(ArmSums.NONE, ArmSums.ofDevices(100, 0));
    assertThat(
            failed(judged(Map.of(Metric.FAILED_PREDICTIONS, seen, Metric.RESTARTS, all), 100))
                .verdict())
        .isEqualTo(Verdict.PASS);
  }

  /** On trial untouched devices tell of their process alone: what is silent is not theirs. */
  @Test
  void onTrialUntouchedDevicesExcuseNobodyWhoIsSilent() {
    ArmSums told = ArmSums.NONE;
    for (int device = 0; device < 40; device++) {
      told = told.plus(5000, 25);
    }
    Map<Metric, Comparison> seen =
        Map.of(
            Metric.FAILED_PREDICTIONS, new Comparison(told, told),
            Metric.RESTARTS, new Comparison(told, ArmSums.ofDevices(900, 0)),
            Metric.LOST_DEVICES, new Comparison(told, ArmSums.ofDevices(900, 0)));
    Map<ProfileId, FailureGate.Devices> committed =
        Map.of(AVX2, new FailureGate.Devices(100, 100, 0, 0));
    OpenStage trial = new OpenStage(committed, Map.of(), true, true, 3, true, true, true, true);

    List<GateResult> results =
        GateSettings.DEFAULTS.judge(
            trial,
            new Evidence(Map.of(AVX2, new Evidence.OfProfile(seen)), OptionalDouble.empty()));

    assertThat(failed(results).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
  }

  private static GateResult failed(List<GateResult> results) {
    return results.stream()
        .filter(one -> one.gate().equals("failed-predictions"))
        .findFirst()
        .orElseThrow();
  }

  /** Devices that go and come, looked at every minute of a day; how often harm was shown. */
  private static int stopped(double awayShare, int awayMinutes, int killed, long seed) {
    int stopped = 0;
    for (int fleet = 0; fleet < FLEETS; fleet++) {
      SplittableRandom random = new SplittableRandom(seed + fleet);
      boolean[] away = new boolean[DEVICES];
      for (int device = 0; device < DEVICES; device++) {
        away[device] = random.nextDouble() < awayShare;
      }
      // Ordered are those that are there.
      List<Integer> ranked = new ArrayList<>();
      for (int device = 0; device < DEVICES; device++) {
        ranked.add(device);
      }
      Collections.shuffle(ranked, new Random(seed + fleet));
      List<Integer> stage = ranked.stream().limit(STAGE).filter(one -> !away[one]).toList();
      List<Integer> others = ranked.stream().skip(STAGE).toList();
      boolean[] told = new boolean[DEVICES];
      boolean shown = false;
      double goes = awayShare / (1 - awayShare) / awayMinutes;
      for (int minute = 0; minute < MINUTES && !shown; minute++) {
        for (int device = 0; device < DEVICES; device++) {
          double turns = away[device] ? 1. / awayMinutes : goes;
          away[device] ^= random.nextDouble() < turns;
          told[device] |= !away[device];
        }
        // A site of two hundred devices without power for an hour, and a broker that was away: who
        // lost its line comes back within minutes.
        boolean dark = minute >= 300 && minute < 360;
        int back = Math.max(0, 600 + 5 - minute);
        long lost = 0;
        for (int i = 0; i < stage.size(); i++) {
          int device = stage.get(i);
          lost += gone(device, away, dark, minute, back) || i < killed ? 1 : 0;
        }
        long controls = others.stream().filter(one -> told[one]).count();
        int now = minute;
        long lostControls =
            others.stream().filter(one -> told[one] && gone(one, away, dark, now, back)).count();
        shown =
            judged(ArmSums.ofDevices(stage.size(), lost), ArmSums.ofDevices(controls, lostControls))
                    .verdict()
                == Verdict.FAIL;
      }
      stopped += shown ? 1 : 0;
    }
    return stopped;
  }

  private static boolean gone(int device, boolean[] away, boolean dark, int minute, int back) {
    boolean site = dark && device % 5 == 0;
    boolean line = minute >= 600 && device % 5 < back;
    return away[device] || site || line;
  }

  @ParameterizedTest
  @ValueSource(doubles = {.01, .1, .4})
  void stopsNothingForDevicesThatGoAndCome(double awayShare) {
    assertThat(stopped(awayShare, 10, 0, 1)).isZero();
    assertThat(stopped(awayShare, 240, 0, 2)).isZero();
  }

  @ParameterizedTest
  @ValueSource(doubles = {.01, .1})
  void stopsWhatKillsDevicesAmongThose(double awayShare) {
    assertThat(stopped(awayShare, 60, 40, 3)).isEqualTo(FLEETS);
  }
}
