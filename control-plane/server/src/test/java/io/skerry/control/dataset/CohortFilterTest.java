package io.skerry.control.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.web.ProblemException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CohortFilterTest {
  @Test
  void readsAttributesAndTheProfile() {
    assertThat(CohortFilter.of("site=b")).isEqualTo(new CohortFilter(Map.of("site", "b"), null));
    assertThat(CohortFilter.of("profile=rpi5 & site=b=c"))
        .isEqualTo(new CohortFilter(Map.of("site", "b=c"), "rpi5"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "fleet"})
  void meansAllDevices(String cohort) {
    assertThat(CohortFilter.of(cohort)).isEqualTo(new CohortFilter(Map.of(), null));
  }

  @ParameterizedTest
  @ValueSource(strings = {"flet", "site", "=b", "site:b", "site=b & line", "site=b & site=c", " "})
  void refusesWhatWouldMeanOtherDevicesThanWereMeant(String cohort) {
    assertThatThrownBy(() -> CohortFilter.of(cohort))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("cohort '" + cohort + "' must be ATTRIBUTE=VALUE");
  }
}
