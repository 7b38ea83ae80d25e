package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.Bins;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WindowSketchTest {
  private static final MonitoringManifest MANIFEST = MonitoringManifestsTest.manifest(1000, 5);

  @Test
  void countsWhatBruteForceCounts() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));
    float[][] rows = MonitoringManifestsTest.rows(500, 6);
    Random random = new Random(7);
    float[] odd = {Float.NaN, Float.POSITIVE_INFINITY, -1e9f, 1e9f};
    for (float[] row : rows) {
      if (random.nextInt(10) == 0) {
        row[0] = odd[random.nextInt(odd.length)];
      }
      sketch.observe(row, random.nextFloat(), 10);
    }

    Window window = sketch.seal(ModelRef.getDefaultInstance(), 3, 0, 5000);

    for (int feature = 0; feature < 3; feature++) {
      Bins bins = MANIFEST.getFeatures(feature).getBins();
      long[] expected = new long[bins.getBaselineCount()];
      for (int i = 0; i < rows.length; i++) {
        expected[bruteForceBin(bins, rows[i][feature])]++;
        if (i > 0 && Float.compare(rows[i][feature], rows[i - 1][feature]) == 0) {
          expected[expected.length - 1]++;
        }
      }
      assertThat(window.getStreams(feature).getCountsList())
          .containsExactlyElementsOf(java.util.Arrays.stream(expected).boxed().toList());
    }
    assertThat(window.getPredictions()).isEqualTo(500);
    assertThat(window.getStreamsList().stream().map(StreamCounts::getStream))
        .containsExactly("a", "b", "c", "$score", "$spe", "$t2", "$latency");
  }

  private static int bruteForceBin(Bins bins, float value) {
    int ordinary = bins.getEdgesCount() + 1;
    if (Float.isNaN(value)) {
      return ordinary;
    }
    if (Float.isInfinite(value)) {
      return ordinary + 1;
    }
    if (value < bins.getMinimum()) {
      return ordinary + 2;
    }
    if (value > bins.getMaximum()) {
      return ordinary + 3;
    }
    int bin = 0;
    while (bin < bins.getEdgesCount() && value > bins.getEdges(bin)) {
      bin++;
    }
    return bin;
  }

  @Test
  void countsFailedAndSkippedPredictionsAmongAll() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));

    sketch.observe(new float[3], 0.2f, 1);
    sketch.fail();
    sketch.skip(4);
    Window window = sketch.seal(ModelRef.getDefaultInstance(), 0, 0, 1);

    assertThat(window.getPredictions()).isEqualTo(6);
    assertThat(window.getPredictionsFailed()).isEqualTo(1);
    assertThat(window.getSkipped()).isEqualTo(4);
    assertThat(sketch.isEmpty()).isTrue();
  }

  @Test
  void tellsAnomalousValuesButNotRepeatedOnes() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));

    assertThat(sketch.observe(new float[3], 0.2f, 1)).isFalse();
    assertThat(sketch.observe(new float[3], 0.2f, 1)).isFalse();
    assertThat(sketch.observe(new float[] {0, Float.NaN, 0}, 0.2f, 1)).isTrue();
  }

  @Test
  void putsLatenciesIntoHalfOctaves() {
    assertThat(WindowSketch.latencyBin(0)).isZero();
    assertThat(WindowSketch.latencyBin(1)).isZero();
    assertThat(WindowSketch.latencyBin(2)).isEqualTo(2);
    assertThat(WindowSketch.latencyBin(1024)).isEqualTo(20);
    assertThat(WindowSketch.latencyBin(1023)).isEqualTo(19);
    assertThat(WindowSketch.latencyBin(Long.MAX_VALUE)).isEqualTo(31);
  }

  @Test
  void putsScoresIntoEqualBins() {
    assertThat(WindowSketch.scoreBin(0)).isZero();
    assertThat(WindowSketch.scoreBin(0.5f)).isEqualTo(32);
    assertThat(WindowSketch.scoreBin(1)).isEqualTo(63);
    assertThat(WindowSketch.scoreBin(-3)).isZero();
    assertThat(WindowSketch.scoreBin(Float.POSITIVE_INFINITY)).isEqualTo(63);
  }

  @Test
  void countsOnlyLatenciesWithoutAManifest() {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.latencyOnly());

    sketch.observe(new float[0], Float.NaN, 100);
    Window window = sketch.seal(ModelRef.getDefaultInstance(), 0, 0, 1);

    assertThat(window.getStreamsList().stream().map(StreamCounts::getStream))
        .containsExactly("$latency");
  }

  @Test
  void readsTheMonitoredViewOfAnItem() throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(MANIFEST);
    ByteBuffer tensor = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    tensor.asFloatBuffer().put(new float[] {1, 2, 3, 4, 5, 6});
    float[] view = new float[3];

    plan.view(tensor, 3, view);

    assertThat(view).containsExactly(4, 5, 6);
  }
}
