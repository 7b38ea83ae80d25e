package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CheckpointPaceTest {
  @ParameterizedTest
  @CsvSource({
    "0, 900",
    "4032, 900",
    "4033, 900",
    "16320, 900",
    "16321, 1099",
    "262144, 14283",
  })
  void waitsASecondAndLongerForWhatIsLarge(int bytes, long millis) {
    assertThat(CheckpointPace.waitMillis(bytes)).isEqualTo(millis);
  }

  @ParameterizedTest
  @CsvSource({"0", "20000", "262144"})
  void writesNoMoreInAnHourThanItMay(int bytes) {
    long pages = (bytes + 64L + 4095) / 4096;
    long times = 3_600_000 / CheckpointPace.waitMillis(bytes);

    assertThat(times * pages * 4096)
        .isLessThanOrEqualTo(CheckpointPace.BYTES_PER_HOUR + 4096 * pages);
  }

  @ParameterizedTest
  @CsvSource({"1000, 1000, false", "1000, 1899, false", "1000, 1900, true", "1000, 999, true"})
  void isDueAfterTheWaitAndWhenTheClockWasPutBack(long last, long now, boolean due) {
    assertThat(CheckpointPace.isDue(now, last, 100)).isEqualTo(due);
  }
}
