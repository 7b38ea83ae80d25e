package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProbationRuleTest {
  @ParameterizedTest
  @CsvSource({
    // good, failed, needed, time over, verdict
    "0, 0, 10, false, OPEN",
    "9, 0, 10, false, OPEN",
    "10, 0, 10, false, GOOD",
    "0, 0, 0, false, GOOD",
    // One unlucky prediction is no verdict, and must be outweighed.
    "0, 1, 10, false, OPEN",
    "10, 1, 10, false, OPEN",
    "18, 1, 10, false, OPEN",
    "19, 1, 10, false, GOOD",
    // All of the first failed.
    "0, 2, 10, false, OPEN",
    "0, 3, 10, false, BAD",
    "0, 3, 0, false, BAD",
    // Too many for chance.
    "1, 2, 10, false, OPEN",
    "3, 2, 10, false, BAD",
    "50, 2, 100, false, BAD",
    "98, 2, 50, false, GOOD",
    "900, 100, 10, false, BAD",
    // Nobody asked in time; few asked and some failed.
    "0, 0, 10, true, GOOD",
    "4, 0, 10, true, GOOD",
    "4, 1, 10, true, BAD",
    "39, 1, 100, true, GOOD",
  })
  void judges(long good, long failed, int needed, boolean timeOver, ProbationRule.Verdict verdict) {
    assertThat(ProbationRule.verdict(good, failed, needed, timeOver)).isEqualTo(verdict);
  }

  @ParameterizedTest
  @CsvSource({"1, 20, 0.009", "5, 100, 0.022", "50, 1000, 0.038", "0, 50, 0"})
  void knowsTheLowerEndOfWilsonsInterval(long failed, long answers, double lower) {
    assertThat(ProbationRule.wilsonLower(failed, answers))
        .isCloseTo(lower, org.assertj.core.data.Offset.offset(0.0005));
  }
}
