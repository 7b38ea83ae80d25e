package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StatisticsTest {
  private static final int ENOUGH = 8;

  @Test
  void saysNothingOfFewOutcomesHoweverManyTheyStandFor() throws Exception {
    float[][] rows = new float[64][1];
    float[] scores = new float[64];
    for (int i = 0; i < rows.length; i++) {
      rows[i][0] = i;
      scores[i] = i / 64f;
    }
    MonitoredStreams streams =
        MonitoredStreams.of(
            MonitoringManifests.fromReference(
                "input",
                List.of(new MonitoringManifests.Feature("f0", 0)),
                rows,
                "score",
                scores,
                .5));
    Statistics statistics = Statistics.of(streams);

    assertThat(error(statistics, streams, ENOUGH - 1)).isNaN();
    assertThat(error(statistics, streams, ENOUGH)).isEqualTo(.75f);
  }

  private static float error(Statistics statistics, MonitoredStreams streams, long known) {
    float[] row = new float[statistics.size()];
    statistics
        .reader(streams)
        .read(
            new DeviceWindow(
                new DeviceId("one"),
                Map.of(),
                ModelVersion.parse("m@1"),
                WindowCounts.of(streams.layout(), new int[streams.layout().bins()]),
                new DeviceWindow.Outcomes(known, 100, 300, List.of(200.0, 200.0))),
            ENOUGH,
            row);
    return row[statistics.streams().indexOf(new Stream(Statistics.ERROR, Stream.Kind.ERROR))];
  }
}
