package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ChartTest {
  private static final double NOON = Instant.parse("2026-11-29T12:00:00Z").toEpochMilli();
  private static final double HOUR = 3_600_000;

  @Test
  void theFirstPointOfATimeIsADashInTheMiddleWithItsBandAndItsMark() {
    Chart chart =
        new Chart.Builder()
            .times()
            .line("realised", "curve-a", List.of(new double[] {NOON, .9}))
            .band(List.of(new double[] {NOON, .8, 1}))
            .mark("version 1", NOON)
            .build();

    assertThat(chart.lines().getFirst().points()).isEqualTo("314.0,90.0 326.0,90.0");
    assertThat(chart.bands()).containsExactly("314.0,167.6 326.0,167.6 326.0,12.4 314.0,12.4");
    assertThat(chart.marks()).containsExactly(new Chart.Mark("version 1", "320.0", "middle"));
    assertThat(chart.times()).containsExactly(new Chart.Time("12:00:00 UTC", "320.0", "middle"));
  }

  @Test
  void aPointAloneIsSeenAtTheEndOfAnotherCurve() {
    Chart chart =
        new Chart.Builder()
            .line("version 1", "curve-a", List.of(new double[] {0, 0}, new double[] {1, 1}))
            .line("version 2", "curve-b", List.of(new double[] {1, 1}))
            .build();

    assertThat(chart.lines().get(1).points()).isEqualTo("634.0,12.4 640.0,12.4");
  }

  @Test
  void aChartOfOneValueStaysInItsBox() {
    Chart chart =
        new Chart.Builder()
            .times()
            .line("flat", "curve-a", List.of(new double[] {NOON, 0}, new double[] {NOON + HOUR, 0}))
            .build();

    assertThat(chart.lines().getFirst().points()).isEqualTo("0.0,90.0 640.0,90.0");
  }

  @Test
  void manyPointsAreThinnedAndTheirExtremesStay() {
    List<double[]> points = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      points.add(new double[] {NOON + i * HOUR, i == 7_777 ? 1 : 0});
    }
    Chart chart = new Chart.Builder().times().line("spike", "curve-a", points).build();

    String[] drawn = chart.lines().getFirst().points().split(" ");
    assertThat(drawn).hasSizeLessThanOrEqualTo(320).anyMatch(place -> place.endsWith(",12.4"));
  }

  @Test
  void nothingToDrawIsEmpty() {
    assertThat(new Chart.Builder().line("none", "curve-a", List.of()).build().isEmpty()).isTrue();
  }
}
