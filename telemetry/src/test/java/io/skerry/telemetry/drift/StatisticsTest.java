package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

  /** Remaining hours, degrees, orders: nearly no regression says numbers of 0 to 1. */
  @Test
  void seesWhereTheAmountsThatAModelSaysLie() throws Exception {
    MonitoredStreams streams = MonitoredStreams.of(amounts());
    WindowCounts usual = counted(MonitoringPlan.of(amounts()), 0);
    WindowCounts later = counted(MonitoringPlan.of(amounts()), 40);

    assertThat(position(streams, usual)).isBetween(.45f, .55f);
    assertThat(position(streams, later)).isGreaterThan(.7f);
    assertThat(streams.classes()).isZero();
    assertThat(Statistics.of(streams).streams())
        .extracting(Stream::name)
        .contains(MonitoredStreams.SCORE)
        .noneMatch(name -> name.startsWith(MonitoringPlan.CLASS));
  }

  /** Its clamped counts would look like a fleet whose every answer moved to one end. */
  @Test
  void saysNothingOfAmountsThatAnOlderAgentCounted() throws Exception {
    MonitoringManifest known = amounts();
    MonitoringManifest read =
        known.toBuilder().setScore(known.getScore().toBuilder().clearValue().clearAmount()).build();
    WindowSketch older = new WindowSketch(MonitoringPlan.of(read));
    older.observe(new float[] {5}, 120, 1, 10);

    WindowCounts counts =
        WindowCodec.read(
            MonitoringPlan.of(known).layout(),
            older.seal(ModelRef.getDefaultInstance(), 1, 0, 1000));

    assertThat(position(MonitoredStreams.of(known), counts)).isNaN();
    assertThat(counts.total(0)).isEqualTo(1);
    assertThat(counts.total(counts.layout().indexOf(MonitoringPlan.LATENCY))).isEqualTo(1);
  }

  /** A device that is short of bytes adds up neighbours: its classes 1 and 3 would be gone. */
  @Test
  void saysNothingOfClassesThatADeviceAddedUp() throws Exception {
    MonitoringManifest manifest = classes(4);

    assertThat(share(manifest, Degradation.NONE)).isEqualTo(.5f);
    assertThat(share(manifest, new Degradation(6, 2, 8))).isNaN();
  }

  private static float share(MonitoringManifest manifest, Degradation told) throws Exception {
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    WindowSketch sketch = new WindowSketch(plan);
    for (int i = 0; i < 64; i++) {
      sketch.observe(new float[] {i}, .9f, 2 * (i % 2), 10);
    }
    WindowCounts counts =
        WindowCodec.read(
            plan.layout(), sketch.seal(ModelRef.getDefaultInstance(), 5, 0, 6000, told).build());
    MonitoredStreams streams = MonitoredStreams.of(manifest);
    Statistics statistics = Statistics.of(streams);
    float[] row = new float[statistics.size()];
    statistics
        .reader(streams)
        .read(
            new DeviceWindow(new DeviceId("one"), Map.of(), ModelVersion.parse("m@1"), counts),
            1,
            row);
    return row[
        statistics.streams().indexOf(new Stream(MonitoringPlan.CLASS + ":2", Stream.Kind.SHARE))];
  }

  private static MonitoringManifest classes(int classes) {
    float[][] rows = new float[64][1];
    List<float[]> said = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      rows[i][0] = i;
      float[] elements = new float[classes];
      elements[i % classes] = 1;
      said.add(elements);
    }
    return MonitoringManifests.fromReference(
        "input",
        List.of(new MonitoringManifests.Feature("f0", 0)),
        rows,
        new MonitoringManifests.Scores("said", said, false, 0, List.of(), Optional.empty()));
  }

  // 100 to 163 of the reference rows.
  private static MonitoringManifest amounts() {
    float[][] rows = new float[64][1];
    List<float[]> said = new ArrayList<>();
    List<Float> reference = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      rows[i][0] = i;
      said.add(new float[] {100 + i});
      reference.add(100f + i);
    }
    return MonitoringManifests.fromReference(
        "input",
        List.of(new MonitoringManifests.Feature("f0", 0)),
        rows,
        new MonitoringManifests.Scores(
            "hours",
            said,
            false,
            .5,
            List.of(),
            Optional.of(new MonitoringManifests.Values(reference, true))));
  }

  private static WindowCounts counted(MonitoringPlan plan, int moved) throws Exception {
    WindowSketch sketch = new WindowSketch(plan);
    for (int i = 0; i < 64; i++) {
      sketch.observe(new float[] {i}, 100 + i + moved, 1, 10);
    }
    return WindowCodec.read(plan.layout(), sketch.seal(ModelRef.getDefaultInstance(), 1, 0, 1000));
  }

  private static float position(MonitoredStreams streams, WindowCounts counts) {
    Statistics statistics = Statistics.of(streams);
    float[] row = new float[statistics.size()];
    DeviceWindow window =
        new DeviceWindow(new DeviceId("one"), Map.of(), ModelVersion.parse("m@1"), counts);
    statistics.reader(streams).read(window, 1, row);
    return row[
        statistics.streams().indexOf(new Stream(MonitoredStreams.SCORE, Stream.Kind.OUTPUT))];
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
