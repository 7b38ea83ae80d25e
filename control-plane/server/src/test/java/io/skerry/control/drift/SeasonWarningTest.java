package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SeasonWarningTest {
  @ParameterizedTest
  @CsvSource({
    "PT0S, false",
    "PT10M, true",
    "PT15M, false",
    "PT6H, false",
    "PT8H, true",
    "PT12H, true",
    "P1D, true"
  })
  void warnsOfSpansThatKnowNoCourseOfTheDay(Duration judgedWindow, boolean warned) {
    assertThat(DriftService.isWithoutSeason(judgedWindow)).isEqualTo(warned);
  }
}
