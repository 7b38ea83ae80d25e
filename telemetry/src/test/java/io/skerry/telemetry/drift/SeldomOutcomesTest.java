package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Outcomes come once a day, or a few at a time. */
class SeldomOutcomesTest {
  private static final int DEVICES = 48;
  private static final int DAY = 8;
  private static final int FLIPPED_FROM = 16 * DAY;
  private static final DriftSettings SETTINGS = DriftSettings.DEFAULTS.withSeason(DAY);

  /** Of the first window of every so many, or of each a few. */
  @ParameterizedTest
  @CsvSource({"1, 100", "3, 100", "8, 100", "1, 5"})
  void findsWhereOutcomesSayThatMoreIsWrong(int every, int each) throws MalformedDocumentException {
    List<DriftFinding> found = play(every, each, .5, new ArrayList<>());

    assertThat(found).isNotEmpty();
    assertThat(found.getFirst().cohort()).isEqualTo(new Cohort("site", "b"));
    assertThat(found.getFirst().nature()).isEqualTo(DriftFinding.Nature.ERROR);
    assertThat(found.getFirst().window()).isBetween((long) FLIPPED_FROM, FLIPPED_FROM + 4L * DAY);
    assertThat(found).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({"8, 100", "1, 5"})
  void opensNothingWhereTheySayTheSame(int every, int each) throws MalformedDocumentException {
    List<StreamVerdict> errors = new ArrayList<>();

    assertThat(play(every, each, .05, errors)).isEmpty();
    assertThat(errors).isNotEmpty();
  }

  /** Few outcomes are told once a day, also by devices that run by day and are away at its end. */
  @Test
  void findsItWhereNoDeviceIsThereWhenADayBegins() throws MalformedDocumentException {
    NormalFleet fleet = fleet();
    DriftLedger ledger = fleet.ledger(SETTINGS);
    Random random = new Random(3);
    List<DriftFinding> found = new ArrayList<>();
    for (long window = 0; window < FLIPPED_FROM + 6L * DAY; window++) {
      if (window % DAY > 0) {
        judge(fleet, ledger, random, window, 1, 5, .5).found().ifPresent(found::add);
      }
    }

    assertThat(found).hasSize(1);
    assertThat(found.getFirst().cohort()).isEqualTo(new Cohort("site", "b"));
    assertThat(found.getFirst().nature()).isEqualTo(DriftFinding.Nature.ERROR);
  }

  /**
   * Few that tell at a time have no mean to be compared with: they tell once enough others do. Some
   * have a few outcomes in each window from an hour of the day on, others many in one of them.
   */
  @ParameterizedTest
  @CsvSource({"false, 5", "true, 5", "true, 20", "true, 100"})
  void findsItWhereFewTellTogether(boolean once, int each) throws MalformedDocumentException {
    NormalFleet fleet = fleet();
    DriftLedger ledger = fleet.ledger(SETTINGS);
    Random random = new Random(5);
    List<DriftFinding> found = new ArrayList<>();
    for (long window = 0; window < FLIPPED_FROM + 8L * DAY; window++) {
      long now = window;
      List<DeviceWindow> there =
          fleet
              .window(
                  now,
                  NormalFleet.First.NOTHING,
                  device ->
                      once && device / 3 % 4 != now % DAY
                          ? DeviceWindow.Outcomes.NONE
                          : outcomes(
                              random, each, device % 3 == 0 && now >= FLIPPED_FROM ? .5 : .05))
              .stream()
              .filter(one -> once || begins(one) <= now % DAY)
              .toList();
      ledger.judge(now, there).found().ifPresent(found::add);
    }

    assertThat(found).hasSize(1);
    assertThat(found.getFirst().cohort()).isEqualTo(new Cohort("site", "b"));
    assertThat(found.getFirst().nature()).isEqualTo(DriftFinding.Nature.ERROR);
  }

  private static long begins(DeviceWindow one) {
    return Integer.parseInt(one.device().value().substring(1)) / 3 % 4;
  }

  /** One that is told little is less certain, and the others are as certain as they were. */
  @Test
  void isAsFineAsItWasWhereOneDeviceIsToldLittle() throws MalformedDocumentException {
    List<Double> tolerances = new ArrayList<>();
    for (boolean idle : new boolean[] {false, true}) {
      NormalFleet fleet = fleet();
      DriftLedger ledger = fleet.ledger(SETTINGS);
      Random random = new Random(4);
      for (long window = 0; window <= 16 * DAY; window++) {
        long now = window;
        WindowVerdict verdict =
            ledger.judge(
                now,
                fleet.window(
                    now,
                    NormalFleet.First.NOTHING,
                    device -> {
                      DeviceWindow.Outcomes busy = outcomes(random, 100, .05);
                      if (!idle || device > 0) {
                        return busy;
                      }
                      return now % DAY == 0
                          ? outcomes(new Random(now), 8, .05)
                          : DeviceWindow.Outcomes.NONE;
                    }));
        if (now == 16 * DAY) {
          verdict.streams().stream()
              .filter(one -> one.cohort().equals(new Cohort("site", "s1")))
              .filter(one -> one.stream().kind() == Stream.Kind.ERROR)
              .forEach(one -> tolerances.add(one.tolerance()));
        }
      }
    }

    assertThat(tolerances).hasSize(2);
    assertThat(tolerances.get(1)).isLessThan(1.25 * tolerances.get(0));
  }

  /** Once the errors are gone, after as many tellings as windows elsewhere. */
  @Test
  void endsAnIncidentByWhatOutcomesSayAndNotBetweenThem() throws MalformedDocumentException {
    NormalFleet fleet = fleet();
    DriftLedger ledger = fleet.ledger(SETTINGS);
    List<Long> ended = new ArrayList<>();
    Random random = new Random(2);
    long mended = FLIPPED_FROM + 4L * DAY;
    for (long window = 0; window < mended + 9L * DAY; window++) {
      WindowVerdict verdict =
          judge(fleet, ledger, random, window, DAY, 100, window < mended ? .5 : .05);
      for (Cohort cohort : verdict.ended()) {
        ended.add(window);
        ledger.release(cohort, false);
      }
    }

    assertThat(ended).hasSize(1);
    assertThat(ended.getFirst()).isBetween(mended + 6L * DAY, mended + 9L * DAY);
  }

  private static NormalFleet fleet() {
    return new NormalFleet(
        DEVICES, 1, 10, device -> Map.of("site", device % 3 == 0 ? "b" : "s" + device % 3), 1);
  }

  private static List<DriftFinding> play(
      int every, int each, double wrong, List<StreamVerdict> errors)
      throws MalformedDocumentException {
    NormalFleet fleet = fleet();
    DriftLedger ledger = fleet.ledger(SETTINGS);
    List<DriftFinding> found = new ArrayList<>();
    Random random = new Random(1);
    for (long window = 0; window < FLIPPED_FROM + 6L * DAY; window++) {
      WindowVerdict verdict = judge(fleet, ledger, random, window, every, each, wrong);
      verdict.found().ifPresent(found::add);
      verdict.streams().stream()
          .filter(one -> one.stream().kind() == Stream.Kind.ERROR)
          .forEach(errors::add);
    }
    return found;
  }

  private static WindowVerdict judge(
      NormalFleet fleet,
      DriftLedger ledger,
      Random random,
      long window,
      int every,
      int each,
      double wrong)
      throws MalformedDocumentException {
    return ledger.judge(
        window,
        fleet.window(
            window,
            NormalFleet.First.NOTHING,
            device -> {
              boolean flipped = device % 3 == 0 && window >= FLIPPED_FROM;
              return window % every == 0
                  ? outcomes(random, each, flipped ? wrong : .05)
                  : DeviceWindow.Outcomes.NONE;
            }));
  }

  private static DeviceWindow.Outcomes outcomes(Random random, int known, double wrong) {
    int wrongs = 0;
    int positives = 0;
    for (int i = 0; i < known; i++) {
      wrongs += random.nextDouble() < wrong ? 1 : 0;
      positives += random.nextDouble() < .5 ? 1 : 0;
    }
    return new DeviceWindow.Outcomes(
        known, known - wrongs, wrongs, List.of((double) (known - positives), (double) positives));
  }
}
