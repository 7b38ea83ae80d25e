package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LineUpkeepTest {
  @ParameterizedTest
  @CsvSource({
    "0, 30, 30",
    "1000, 1800, 86400",
    "14000, 1800, 86400",
    "80000, 1659, 41472",
    "1000000, 133, 3318",
    "1000000000, 30, 30"
  })
  void comesTheMoreSeldomTheFewerBytesADayHas(long bytes, long keepAlive, long report) {
    assertThat(LineUpkeep.of(bytes))
        .isEqualTo(new LineUpkeep(Duration.ofSeconds(keepAlive), Duration.ofSeconds(report)));
  }

  @Test
  void takesASixteenthOrWhatTheLongestIntervalsTake() {
    long least =
        new LineUpkeep(LineUpkeep.KEEP_ALIVE_LONGEST, LineUpkeep.REPORT_LONGEST).bytesPerDay();
    assertThat(least).isEqualTo(48 * LineUpkeep.PING_BYTES + LineUpkeep.REPORT_BYTES);
    for (long bytes = 100; bytes < 10_000_000; bytes = bytes * 5 / 4) {
      assertThat(LineUpkeep.of(bytes).bytesPerDay())
          .isLessThanOrEqualTo(Math.max(bytes / 16, least) + LineUpkeep.REPORT_BYTES);
      assertThat(LineUpkeep.keptFree(bytes)).isLessThanOrEqualTo(bytes / 3);
    }
    assertThat(LineUpkeep.keptFree(14_000)).isEqualTo(least);
    assertThat(LineUpkeep.keptFree(0)).isZero();
  }
}
