package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.DriftOverview;
import io.skerry.api.DriftStream;
import io.skerry.api.LabelInput;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class DriftViewsTest {
  @Test
  void putsWhatMovedMostFirstAndKeepsTheStrongestStreamOfACell() {
    HeatMap map =
        HeatMap.of(
            told -> {
              told.accept(
                  List.of(
                      stream("f1", "site=a", "LOCATION", 2),
                      stream("f2", "site=b", "LOCATION", 3)));
              told.accept(List.of(stream("f2", "site=b", "CONDITIONAL", 12)));
            });

    assertThat(map.cohorts()).containsExactly("site=b", "site=a");
    assertThat(map.rows()).extracting(HeatMap.Row::feature).containsExactly("f2", "f1");
    HeatMap.Cell cell = map.rows().getFirst().cells().getFirst();
    assertThat(cell).isNotNull();
    assertThat(cell.stream().kind()).isEqualTo("CONDITIONAL");
    assertThat(cell.step()).isEqualTo(5);
    assertThat(map.rows().getFirst().cells().get(1)).isNull();
  }

  @Test
  void saysHowMuchOfALargeFleetItDoesNotShow() {
    List<DriftStream> streams = new ArrayList<>();
    for (int feature = 0; feature < 100; feature++) {
      for (int cohort = 0; cohort < 20; cohort++) {
        streams.add(stream("f" + feature, "site=" + cohort, "LOCATION", feature));
      }
    }

    HeatMap map = HeatMap.of(told -> told.accept(streams));

    assertThat(map.rows()).hasSize(HeatMap.ROWS_MAX);
    assertThat(map.cohorts()).hasSize(HeatMap.COLUMNS_MAX);
    assertThat(map.hidden()).isEqualTo(60 + 4);
  }

  /** Of all tracks together, whichever tells of more. */
  @Test
  void tellsOfTheStreamsWithMostEvidenceOfAllTracks() {
    List<DriftOverview> most =
        FleetSources.streams(
            told -> {
              for (int track = 0; track < 3; track++) {
                List<DriftStream> streams = new ArrayList<>();
                for (int i = 0; i < FleetSources.STREAMS_MAX; i++) {
                  streams.add(stream("f", "site=" + track, "LOCATION", 3 * i + track));
                }
                told.accept(streams);
              }
            });

    assertThat(most)
        .extracting(DriftOverview::value)
        .containsExactly(23., 22., 21., 20., 19., 18., 17., 16.);
  }

  @Test
  void drawsNoMorePointsThanPixelsAndKeepsTheExtremes() {
    List<double[]> points = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      points.add(new double[] {i, i == 7777 ? 100 : 0});
    }

    Chart chart = new Chart.Builder().line("evidence", "curve-a", points).build();

    String[] drawn = chart.lines().getFirst().points().split(" ");
    assertThat(drawn.length).isLessThanOrEqualTo(Chart.WIDTH);
    double highest = Collections.min(List.of(drawn).stream().map(DriftViewsTest::y).toList());
    assertThat(highest).isLessThan(Chart.HEIGHT * .1);
  }

  @Test
  void drawsNothingFromNothing() {
    assertThat(new Chart.Builder().line("x", "curve-a", List.of()).build().isEmpty()).isTrue();
    assertThat(OperationPages.curves(null)).isEmpty();
  }

  @Test
  void drawsOneCurveForEachChannel() {
    LabelInput input =
        new LabelInput("input", "FP32", List.of(1L, 2L, 3L), List.of(1., 2., 3., 4., 5., 6.));

    assertThat(OperationPages.curves(input)).hasSize(2);
  }

  private static double y(String point) {
    return Double.parseDouble(point.substring(point.indexOf(',') + 1));
  }

  private static DriftStream stream(String name, String cohort, String kind, double evidence) {
    return new DriftStream(
        "main", "m", 60_000, 7, cohort, name, kind, 20, 40, .1, .08, .12, .05, evidence, 10, null,
        null, null, null);
  }

  @Test
  void aChartOfMomentsSaysWhenAndNamesWhatLiesAtOnePlaceOnce() {
    double noon = 1_795_867_200_000.0;
    Chart chart =
        new Chart.Builder()
            .line("x", "curve-a", List.of(new double[] {noon, 1}, new double[] {noon + 7.2e6, 2}))
            .mark("version 1", noon)
            .mark("version 2", noon)
            .times()
            .build();

    assertThat(chart.times())
        .extracting(Chart.Time::text)
        .containsExactly("28 Nov 12:00", "28 Nov 13:00", "28 Nov 14:00 UTC");
    assertThat(chart.marks())
        .containsExactly(new Chart.Mark("version 1, version 2", "0.0", "start"));
  }

  @Test
  void saysKindsAsPeopleDo() {
    assertThat(Words.firedBy("ERROR $error")).isEqualTo("$error, share of wrong predictions");
    assertThat(Words.firedBy("LOCATION oil pressure")).isEqualTo("oil pressure, mean");
  }
}
