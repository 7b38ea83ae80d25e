package io.skerry.telemetry.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.SamplingRates;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SampleChoiceTest {
  private static final SampleChoice CHOICE = new SampleChoice(new SamplingRates(0.1, 0.8), 42);

  @Test
  void choosesTheShareThatTheRateNames() {
    long chosen =
        IntStream.range(0, 100_000).filter(i -> CHOICE.chosen("01HZX" + i, Stratum.BASE)).count();

    assertThat(chosen / 100_000.0).isCloseTo(0.1, within(0.005));
  }

  @Test
  void choosesTheSamePredictionAgainAndMoreAtAHigherRate() {
    IntStream.range(0, 1000)
        .mapToObj(i -> "id" + i)
        .filter(id -> CHOICE.chosen(id, Stratum.BASE))
        .forEach(
            id -> {
              assertThat(CHOICE.chosen(id, Stratum.BASE)).isTrue();
              assertThat(CHOICE.chosen(id, Stratum.NOTABLE)).isTrue();
            });
  }

  @Test
  void choosesEverythingAtRateOneAndNothingAtRateZero() {
    SampleChoice edge = new SampleChoice(new SamplingRates(0, 1), 1);

    assertThat(IntStream.range(0, 1000).filter(i -> edge.chosen("" + i, Stratum.BASE))).isEmpty();
    assertThat(IntStream.range(0, 1000).filter(i -> edge.chosen("" + i, Stratum.NOTABLE)))
        .hasSize(1000);
  }

  @Test
  void callsLowConfidenceAndAnomaliesNotable() {
    assertThat(SampleChoice.stratum(0.55f, 0.5, false)).isEqualTo(Stratum.NOTABLE);
    assertThat(SampleChoice.stratum(0.9f, 0.5, false)).isEqualTo(Stratum.BASE);
    assertThat(SampleChoice.stratum(0.9f, 0.5, true)).isEqualTo(Stratum.NOTABLE);
    assertThat(SampleChoice.stratum(Float.NaN, 0.5, false)).isEqualTo(Stratum.BASE);
  }
}
