package io.skerry.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SamplingRatesTest {
  @Test
  void takesNothingOrWhatCanBeBelieved() {
    assertThat(SamplingRates.asked(0, 1e-6)).isEqualTo(new SamplingRates(0, 1e-6));
    assertThatThrownBy(() -> SamplingRates.asked(9e-7, 1))
        .hasMessage("sampling rates 9.0E-7 and 1.0 must be 0 or at least 1.0E-6");
    assertThatThrownBy(() -> SamplingRates.asked(0, Double.MIN_VALUE))
        .hasMessageContaining("at least 1.0E-6");
    assertThatThrownBy(() -> SamplingRates.asked(2, 0)).hasMessageContaining("between 0 and 1");
  }
}
