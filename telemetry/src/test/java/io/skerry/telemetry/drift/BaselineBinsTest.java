package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class BaselineBinsTest {
  private static final BaselineBins FOUR =
      new BaselineBins(
          List.of(1.0, 2.0, 3.0),
          0,
          4,
          List.of(10L, 20L, 30L, 40L, 0L, 0L, 0L, 0L, 0L, 0L, 0L),
          true);

  @Test
  void placesItsOwnBinsAtTheMiddleOfTheirShares() {
    double[] positions = FOUR.positions(FOUR);

    assertThat(positions).startsWith(new double[] {.05, .2, .45, .8}, within(1e-12));
    assertThat(positions[7]).isZero();
    assertThat(positions[8]).isEqualTo(1);
    assertThat(positions[4]).isNaN();
    assertThat(positions[10]).isNaN();
  }

  @Test
  void placesAnotherVersionsBinsOnTheSameScale() {
    BaselineBins wider =
        new BaselineBins(
            List.of(2.0, 6.0), 0, 8, List.of(1L, 1L, 1L, 0L, 0L, 0L, 0L, 0L, 0L, 0L), true);

    double[] positions = FOUR.positions(wider);

    assertThat(positions[0]).isCloseTo(.15, within(1e-12));
    assertThat(positions[1]).isCloseTo(.65, within(1e-12));
    assertThat(positions[2]).isEqualTo(1);
  }
}
