package io.skerry.bench.rollouts;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.bench.rollouts.SimulatedRollout.Harm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A few rollouts of each kind; {@code skerry bench rollouts} runs 300. */
class GateRatesTest {
  private static final int ROLLOUTS = 6;

  @ParameterizedTest
  @EnumSource(
      names = {"NONE", "NONE_UNLIKE", "NONE_AWAY"},
      mode = EnumSource.Mode.EXCLUDE)
  void letsNoHarmPastTheStageThatItBeginsIn(Harm harm) {
    GateRates.Rates rates =
        GateRates.of(harm.stage() == 0 ? GateRates.PLAN : GateRates.DILUTED, harm, ROLLOUTS);

    assertThat(rates.past()).isZero();
    assertThat(rates.promoted()).isZero();
  }

  @Test
  void promotesWhatDoesNoHarm() {
    assertThat(GateRates.of(GateRates.PLAN, Harm.NONE, ROLLOUTS).promoted()).isEqualTo(ROLLOUTS);
    assertThat(GateRates.of(GateRates.DILUTED, Harm.NONE, ROLLOUTS).promoted()).isEqualTo(ROLLOUTS);
  }

  @Test
  void stopsNothingForASiteWithoutPower() {
    GateRates.Rates rates = GateRates.of(GateRates.PLAN, Harm.NONE_AWAY, ROLLOUTS);

    assertThat(rates.wronglyStopped()).isZero();
    assertThat(rates.promoted()).isEqualTo(ROLLOUTS);
  }

  @Test
  void stopsNothingForDevicesThatAreUnlike() {
    GateRates.Rates rates = GateRates.of(GateRates.PLAN, Harm.NONE_UNLIKE, ROLLOUTS);

    assertThat(rates.wronglyStopped()).isZero();
    assertThat(rates.past()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(doubles = {.02, .05, .1})
  void promotesWhatAFewDevicesRejectBeforeTheOthersSucceed(double rejected) {
    assertThat(GateRates.of(GateRates.PLAN, Harm.NONE, rejected, ROLLOUTS).promoted())
        .isEqualTo(ROLLOUTS);
  }

  @Test
  void stopsWhatManyDevicesReject() {
    assertThat(GateRates.of(GateRates.PLAN, Harm.NONE, .4, ROLLOUTS).wronglyStopped())
        .isEqualTo(ROLLOUTS);
  }
}
