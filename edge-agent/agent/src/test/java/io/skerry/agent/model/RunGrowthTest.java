package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RunGrowthTest {
  private static final long MIB = 1 << 20;

  @Test
  void forecastsByHowItGrew() {
    RunGrowth linear = RunGrowth.first(100, 4 * MIB, 2).then(400, 16 * MIB, 2);
    RunGrowth square = RunGrowth.first(100, 4 * MIB, 2).then(400, 64 * MIB, 2);

    assertThat(linear.forecast(400)).isEqualTo(17 * MIB);
    assertThat(linear.forecast(800)).isCloseTo(34 * MIB, within(16L));
    assertThat(square.forecast(800)).isCloseTo(260 * MIB, within(16L));
    assertThat(square.forecast(1)).as("never less than the largest").isEqualTo(65 * MIB);
  }

  @Test
  void believesTheSmallerCountOfOneSizeAndGrowsByThat() {
    RunGrowth noisy = RunGrowth.first(100, 4 * MIB, 2).then(400, 200 * MIB, 1);
    assertThat(noisy.forecast(800)).isGreaterThan(1000 * MIB);

    RunGrowth again = noisy.then(400, 16 * MIB, 1);

    assertThat(again.isSure()).isTrue();
    assertThat(again.forecast(800)).isCloseTo(34 * MIB, within(16L));
    assertThat(again.then(200, 500 * MIB, 2)).as("a smaller one tells nothing").isEqualTo(again);
  }

  @Test
  void takesNoGrowthFromASingleCount() {
    RunGrowth square = RunGrowth.first(100, MIB, 2).then(200, 64 * MIB, 1).then(400, 16 * MIB, 2);

    assertThat(square.forecast(800)).isCloseTo(4 * 17 * MIB, within(16L));
  }

  @Test
  void tellsNothingOfWhatIsFarFromASingleCountOrFromNoise() {
    assertThat(RunGrowth.first(100, 50 * MIB, 1).forecast(401)).isZero();
    assertThat(RunGrowth.first(100, MIB, 2).forecast(401)).isZero();
    assertThat(RunGrowth.first(100, 50 * MIB, 1).forecast(400)).isEqualTo(204 * MIB);
    assertThat(RunGrowth.first(100, 50 * MIB, 2).forecast(800)).isEqualTo(408 * MIB);
  }
}
