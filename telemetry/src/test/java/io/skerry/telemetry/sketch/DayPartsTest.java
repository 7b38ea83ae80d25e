package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.telemetry.sketch.DayParts.Kind;
import io.skerry.telemetry.sketch.DayParts.Limits;
import io.skerry.telemetry.sketch.WindowBudget.Sharing;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DayPartsTest {
  private static final long PER_DAY = 80_000;
  private static final long LINE = LineUpkeep.keptFree(PER_DAY);
  private static final long HOUR = 3_600_000;
  private static final int BYTES = 240;
  private static final int EACH = BYTES + WindowBudget.OVERHEAD_BYTES;

  private final DayUse events = new DayUse();
  private final DayUse outcomes = new DayUse();
  private final DayUse ofDevice = new DayUse();
  private final DayParts parts = new DayParts(events, outcomes, ofDevice);

  @BeforeEach
  void knowTheDayFromItsBegin() {
    ofDevice.at(0);
  }

  private int taken(Kind kind, int tries, long atMillis, Limits limits) {
    int taken = 0;
    for (int i = 0; i < tries; i++) {
      taken += parts.take(kind, atMillis, BYTES, limits) ? 1 : 0;
    }
    return taken;
  }

  @ParameterizedTest
  @CsvSource({"EVENT, 4", "REPEATED_EVENT, 8", "OUTCOME, 4"})
  void takesAPartOfTheDayAndAgainTheNext(Kind kind, int part) {
    Limits limits = new Limits(PER_DAY, 0);

    assertThat(taken(kind, 1000, 0, limits)).isEqualTo(PER_DAY / part / EACH);
    assertThat(taken(kind, 1000, 23 * HOUR, limits)).isZero();
    assertThat(taken(kind, 1000, 24 * HOUR, limits)).isEqualTo(PER_DAY / part / EACH);
  }

  @Test
  void leavesNewsTheRoomThatRepetitionsMayNotHave() {
    Limits limits = new Limits(PER_DAY, 0);
    taken(Kind.REPEATED_EVENT, 1000, 0, limits);

    assertThat(taken(Kind.EVENT, 1000, 0, limits)).isEqualTo(PER_DAY / 8 / EACH);
  }

  @Test
  void keepsBytesFreeForEventsHoweverManyWindowsAndOutcomesCome() {
    Limits limits = new Limits(PER_DAY, 0);
    WindowBudget windows = new WindowBudget(PER_DAY, new DayUse(), ofDevice, parts::keptFree);
    assertThat(windows.atWindowEnd(HOUR, HOUR, 1, Sharing.NONE, step -> BYTES)).isPresent();
    while (windows.fits(BYTES, PER_DAY)) {
      windows.sent(HOUR, BYTES, PER_DAY);
    }

    assertThat(taken(Kind.OUTCOME, 1000, HOUR, limits)).isZero();
    assertThat(taken(Kind.EVENT, 1000, HOUR, limits)).isEqualTo(PER_DAY / 16 / EACH);
    assertThat(ofDevice.bytes()).isBetween(PER_DAY - LINE - 2 * EACH, PER_DAY - LINE);
  }

  @Test
  void leavesWindowsLessWhereOutcomesAndEventsTookTheirParts() {
    Limits limits = new Limits(PER_DAY, 0);
    taken(Kind.EVENT, 1000, HOUR, limits);
    taken(Kind.OUTCOME, 1000, HOUR, limits);
    WindowBudget windows = new WindowBudget(PER_DAY, new DayUse(), ofDevice, parts::keptFree);
    long sent = 0;
    while (windows.fits(BYTES, PER_DAY)) {
      windows.sent(HOUR, BYTES, PER_DAY);
      sent += EACH;
    }

    assertThat(sent).isBetween(PER_DAY / 2 - LINE - EACH, PER_DAY / 2 - LINE + 2 * EACH);
    assertThat(ofDevice.bytes()).isLessThanOrEqualTo(PER_DAY - LINE);
  }

  /** On the day that a device enrols, what had passed before needs nothing kept free. */
  @Test
  void takesEventsOnAFirstDayThatBeginsLate() {
    long perDay = 14_000;
    DayUse late = new DayUse();
    late.at(20 * HOUR);
    DayParts first = new DayParts(new DayUse(), new DayUse(), late);
    Limits limits = new Limits(perDay, 0);

    assertThat(first.keptFree(perDay))
        .isBetween(
            (perDay / 16 + LineUpkeep.keptFree(perDay)) / 6 - 2,
            (perDay / 16 + LineUpkeep.keptFree(perDay)) / 6 + 2);
    int events = 0;
    while (first.take(Kind.EVENT, 20 * HOUR, BYTES, limits)) {
      events++;
    }
    assertThat(events).isEqualTo((perDay - LineUpkeep.keptFree(perDay)) / 6 / EACH);
  }

  @Test
  void countsOutcomesWithBytesOfTheirOwnAgainstThese() {
    Limits limits = new Limits(PER_DAY, 3 * PER_DAY);

    assertThat(taken(Kind.OUTCOME, 1000, 0, limits)).isEqualTo(3 * PER_DAY / EACH);
    assertThat(ofDevice.bytes()).isZero();
  }

  @Test
  void takesWhateverComesWithoutALimit() {
    assertThat(taken(Kind.OUTCOME, 1000, 0, Limits.NONE)).isEqualTo(1000);
    assertThat(taken(Kind.REPEATED_EVENT, 1000, 0, Limits.NONE)).isEqualTo(1000);
    // Nor does it count against a limit that comes later.
    assertThat(taken(Kind.OUTCOME, 1000, 0, new Limits(PER_DAY, 0))).isEqualTo(PER_DAY / 4 / EACH);
  }
}
