package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A site that runs otherwise at weekends, which its peers do not. */
class WeekCoursesTest {
  private static final int DAY = 24;
  private static final int WEEK = 7 * DAY;
  private static final DriftSettings SETTINGS = DriftSettings.DEFAULTS.withSeason(DAY);

  /** It is told of twice, and belongs to the site from then on; weekends begin at any hour. */
  @ParameterizedTest
  @ValueSource(ints = {0, 5, -7})
  void tellsOfAWeekendTwiceAndNotEachWeek(int hours) throws MalformedDocumentException {
    List<DriftFinding> found =
        play(6, (device, window) -> isWeekend(device, window - hours) ? .5 : 0, new ArrayList<>());

    assertThat(found).isNotEmpty();
    assertThat(found).allMatch(one -> one.cohort().equals(new Cohort("site", "b")));
    assertThat(found).allMatch(one -> one.window() < 2 * WEEK);
  }

  /** What is no weekend's is found as ever, and lasts until it is gone, however many weeks. */
  @Test
  void findsWhatLastsWhateverTheWeekendsAre() throws MalformedDocumentException {
    long from = 3 * WEEK + 2 * DAY;
    List<Long> ended = new ArrayList<>();

    List<DriftFinding> found =
        play(
            8,
            (device, window) ->
                isWeekend(device, window) || (isAtB(device) && window >= from) ? .5 : 0,
            ended);

    assertThat(found).filteredOn(one -> one.window() >= 2 * WEEK).hasSize(1);
    DriftFinding last = found.getLast();
    assertThat(last.cohort()).isEqualTo(new Cohort("site", "b"));
    assertThat(last.window()).isBetween(from, from + 6);
    assertThat(ended).noneMatch(window -> window > from);
  }

  /** A shift that begins once and lasts for weeks is no course of the week. */
  @Test
  void takesNoShiftForAWeek() throws MalformedDocumentException {
    List<Long> ended = new ArrayList<>();

    List<DriftFinding> found =
        play(5, (device, window) -> isAtB(device) && window >= 5 * DAY ? .5 : 0, ended);

    assertThat(found).hasSize(1);
    assertThat(ended).isEmpty();
  }

  /** More than a weekend's own is found on a weekend, too. */
  @Test
  void findsWhatIsBeyondTheWeekend() throws MalformedDocumentException {
    long from = 4 * WEEK + 5 * DAY + 4;
    List<DriftFinding> found =
        play(
            5,
            (device, window) ->
                isWeekend(device, window) ? window >= from && window < from + DAY ? 1.2 : .5 : 0,
            new ArrayList<>());

    assertThat(found).filteredOn(one -> one.window() >= 2 * WEEK).hasSize(1);
    assertThat(found.getLast().window()).isBetween(from, from + 8);
  }

  /** Who learns a cohort anew forgets its weeks: they were told against another baseline. */
  @Test
  void goesOnFromWhatWasWrittenAndForgetsWithTheBaselines() throws MalformedDocumentException {
    NormalFleet fleet = fleet();
    DriftLedger ledger = fleet.ledger(SETTINGS);
    List<DriftFinding> found = new ArrayList<>();
    for (long window = 0; window < 4 * WEEK; window++) {
      if (window == 2 * WEEK + 5 * DAY + 9) {
        List<byte[]> parts = new ArrayList<>();
        ledger.write(parts::add);
        ledger = fleet.ledger(SETTINGS);
        ledger.read(parts.iterator());
      }
      if (window == 3 * WEEK) {
        ledger.release(new Cohort("site", "b"), true);
      }
      judge(fleet, ledger, window, WeekCoursesTest::weekend, found, new ArrayList<>());
    }

    assertThat(found).filteredOn(one -> one.window() >= 2 * WEEK).hasSize(1);
    assertThat(found.getLast().window()).isGreaterThan(3 * WEEK);
  }

  private static double weekend(int device, long window) {
    return isWeekend(device, window) ? .5 : 0;
  }

  private static boolean isWeekend(int device, long window) {
    return isAtB(device) && Math.floorMod(window, WEEK) >= 5 * DAY;
  }

  private static boolean isAtB(int device) {
    return device % 3 == 0;
  }

  private static NormalFleet fleet() {
    return new NormalFleet(
        48, 2, 20, device -> Map.of("site", isAtB(device) ? "b" : "s" + device % 3), 1);
  }

  private static List<DriftFinding> play(int weeks, NormalFleet.First first, List<Long> ended)
      throws MalformedDocumentException {
    NormalFleet fleet = fleet();
    DriftLedger ledger = fleet.ledger(SETTINGS);
    List<DriftFinding> found = new ArrayList<>();
    for (long window = 0; window < (long) weeks * WEEK; window++) {
      judge(fleet, ledger, window, first, found, ended);
    }
    return found;
  }

  private static void judge(
      NormalFleet fleet,
      DriftLedger ledger,
      long window,
      NormalFleet.First first,
      List<DriftFinding> found,
      List<Long> ended)
      throws MalformedDocumentException {
    WindowVerdict verdict = ledger.judge(window, fleet.window(window, first));
    verdict.found().ifPresent(found::add);
    for (Cohort cohort : verdict.ended()) {
      ended.add(window);
      ledger.release(cohort, false);
    }
  }
}
