package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SeasonTest {
  private static final long QUARTER = Duration.ofMinutes(15).toMillis();
  private static final long HOUR = Duration.ofHours(1).toMillis();
  private static final long DAY = Duration.ofDays(1).toMillis();
  private static final long ONSET = 96_008;

  @Test
  void comparesTheFirstDayWithTheSameHoursOfTheDayBefore() {
    Season season = season(QUARTER);

    assertThat(season.always()).isEmpty();
    assertThat(season.beside(ONSET)).containsExactly(ONSET - 96);
    assertThat(season.beside(ONSET + 95)).containsExactly(ONSET - 1);
    assertThat(season.beside(ONSET + 96)).isEmpty();
    assertThat(season.beside(ONSET - 1)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"15, 1", "60, 1", "120, 2", "360, 4"})
  void comparesWithAsManyDaysAsHoldSixteenWindows(long minutes, int days) {
    Season season = season(Duration.ofMinutes(minutes).toMillis());

    assertThat(season.beside(ONSET)).hasSize(days);
    assertThat((long) days * season.windows()).isGreaterThanOrEqualTo(Season.WINDOWS_BEFORE);
  }

  @Test
  void takesTheWindowsBeforeTheOnsetWhereNoDayIsKnown() {
    Season season = season(5000);

    assertThat(season.always()).isEqualTo(LongStream.range(ONSET - 16, ONSET).boxed().toList());
    assertThat(season.beside(ONSET)).isEqualTo(List.of());
    assertThat(season.day(ONSET + 1_000_000)).isZero();
    assertThat(season.outcomesBefore((ONSET + 4) * 5000))
        .isEqualTo(Season.Span.whole((ONSET - 16) * 5000, ONSET * 5000));
    assertThat(season.outcomesSince((ONSET + 4) * 5000))
        .isEqualTo(Season.Span.whole(ONSET * 5000, (ONSET + 4) * 5000));
  }

  @Test
  void readsOutcomesOfAWeekBeforeOverTheHoursThatAreKnownSince() {
    Season season = season(HOUR);
    long onset = ONSET * HOUR;

    assertThat(season.outcomesBefore(onset + 3 * HOUR))
        .isEqualTo(new Season.Span(onset - 7 * DAY, onset, DAY, 3 * HOUR));
    assertThat(season.outcomesSince(onset + 3 * HOUR))
        .isEqualTo(Season.Span.whole(onset, onset + 3 * HOUR));
    assertThat(season.outcomesBefore(onset + 60 * HOUR))
        .isEqualTo(new Season.Span(onset - 7 * DAY, onset, DAY, DAY));
    assertThat(season.outcomesSince(onset + 60 * HOUR))
        .isEqualTo(Season.Span.whole(onset, onset + 48 * HOUR));
  }

  @Test
  void addsWhatComesLateToTheHoursThatWereCounted() {
    Season season = season(HOUR);
    long window = ONSET + 3;

    assertThat(
            LongStream.range(ONSET - 30, ONSET)
                .filter(past -> season.isBesideOneBefore(past, window)))
        .containsExactly(ONSET - 24, ONSET - 23, ONSET - 22);
    assertThat(season.isBesideOneBefore(ONSET - 1, ONSET + 30)).isTrue();
    assertThat(season(5000).isBesideOneBefore(ONSET - 16, window)).isTrue();
    assertThat(season(5000).isBesideOneBefore(ONSET - 17, window)).isFalse();
  }

  private static Season season(long windowMillis) {
    return Season.of(new Track("main", "m", windowMillis), ONSET);
  }
}
