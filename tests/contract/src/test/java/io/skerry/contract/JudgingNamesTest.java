package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.Judging;
import io.skerry.packager.measure.BoxLayout;
import io.skerry.packager.measure.Metric;
import org.junit.jupiter.api.Test;

/** The API has no packager to ask what it knows: its names are the packager's all the same. */
class JudgingNamesTest {
  @Test
  void knowsTheMetricsOfThePackager() {
    assertThat(String.join(", ", Judging.METRICS)).isEqualTo(Metric.texts());
  }

  @Test
  void knowsTheBoxesOfThePackager() {
    assertThat(String.join(", ", Judging.BOXES)).isEqualTo(BoxLayout.texts());
  }
}
