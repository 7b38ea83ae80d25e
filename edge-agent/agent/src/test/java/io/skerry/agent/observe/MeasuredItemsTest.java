package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionId;
import io.skerry.artifact.ElementType;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.signal.Elements;
import io.skerry.telemetry.signal.Signal;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Window;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

/** Scalars of whole inputs, measured after the answer. */
class MeasuredItemsTest {
  private static final int WINDOW = 10_000;
  private static final ModelRef MODEL =
      new ModelRef(new SlotId("main"), ModelVersion.parse("eye@1"), Digest.of(new byte[] {1}));

  private final Map<RecordStream, List<Record>> kept = new ConcurrentHashMap<>();
  private Instant now = Instant.ofEpochMilli(1_790_000_000_000L);
  private final Observer observer =
      new Observer(
          () -> now,
          1024,
          (stream, record) -> {
            kept.computeIfAbsent(stream, any -> new ArrayList<>()).add(record);
            return true;
          },
          new byte[32]);
  private int ids;

  @Test
  void measuresWhatTheModelSawAndNotWhatTheClientDidNext() throws MalformedDocumentException {
    MonitoringPlan plan = watch(image(8), 0, 0);
    Tensor input = tensor(8, .9f);
    observer.predicted(prediction(1, input));
    // A shared region is the client's again.
    for (int i = 0; i < input.data().limit(); i++) {
      input.data().put(i, (byte) 0);
    }
    observer.tick();

    WindowCounts counts = counts(plan);
    List<Long> brightness = counts.counts(plan.layout().indexOf("image.brightness"));
    assertThat(brightness.getFirst()).as("not black").isZero();
    assertThat(brightness.get(plan.layout().ordinary(0) - 1)).isEqualTo(1);
  }

  @Test
  void allocatesNothingOnTheThreadThatAnswers() throws MalformedDocumentException {
    watch(image(32), 0, 0);
    List<Prediction> predictions = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      predictions.add(prediction(1, tensor(32, .5f)));
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = 0;
    for (int round = 0; round < 20; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      predictions.forEach(observer::predicted);
      allocated = threads.getCurrentThreadAllocatedBytes() - before;
      observer.tick();
    }

    assertThat(allocated / predictions.size()).isLessThan(100);
  }

  /** Twelve megabytes of copies are four of these; the others are measured at once. */
  @Test
  void leavesNothingOutWhereCopiesFindNoRoom() throws MalformedDocumentException {
    MonitoringPlan plan = watch(image(512), 0, 0);
    Tensor input = tensor(512, .5f);
    for (int i = 0; i < 10; i++) {
      observer.predicted(prediction(1, input));
    }
    observer.tick();

    assertThat(observer.skipped()).isZero();
    for (int stream = 0; stream < plan.layout().features(); stream++) {
      WindowCounts counts = counts(plan);
      long all = 0;
      for (int bin = 0; bin < plan.layout().ordinary(stream) + 6; bin++) {
        all += counts.counts(stream).get(bin);
      }
      assertThat(all).isEqualTo(10);
    }
  }

  @Test
  void measuresEveryItemOfABatch() throws MalformedDocumentException {
    MonitoringPlan plan = watch(image(4), 0, 0);
    ByteBuffer data = ByteBuffer.allocateDirect(3 * 4 * 4 * 3 * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 3 * 48; i++) {
      data.putFloat(i * 4, i / 48 == 1 ? Float.NaN : .5f);
    }
    observer.predicted(
        prediction(3, new Tensor("x", ElementType.FP32, List.of(3L, 4L, 4L, 3L), data)));
    observer.tick();

    List<Long> brightness = counts(plan).counts(0);
    assertThat(brightness.get(plan.layout().ordinary(0) + 1)).as("NaN").isEqualTo(1);
    assertThat(window().getAnomalous()).isEqualTo(1);
    assertThat(window().getAnomalies(0).getItem()).isEqualTo(1);
  }

  @Test
  void takesNoImageOfAnotherSizeForThis() throws MalformedDocumentException {
    watch(image(8), 0, 0);

    observer.predicted(prediction(1, tensor(9, .5f)));

    assertThat(observer.skipped()).isEqualTo(1);
  }

  @Test
  void samplesWhatIsAnomalousByItsScalarsAtAToldProbability() throws MalformedDocumentException {
    watch(image(8), 0, 1);
    for (int i = 0; i < 800; i++) {
      // Another unit: far too bright.
      observer.predicted(prediction(1, tensor(8, 200)));
      observer.predicted(prediction(1, tensor(8, .5f)));
      observer.tick();
    }

    List<Record> samples = kept.getOrDefault(RecordStream.SAMPLES, List.of());
    assertThat((double) samples.size()).isCloseTo(100, within(40.0));
    assertThat(samples)
        .allSatisfy(
            sample -> {
              assertThat(sample.getSample().getInclusionProbability()).isEqualTo(.125);
              assertThat(sample.getSample().getStratum()).isEqualTo("anomaly");
            });
    assertThat(window().getAnomalous()).isEqualTo(800);
  }

  private WindowCounts counts(MonitoringPlan plan) throws MalformedDocumentException {
    return WindowCodec.read(plan.layout(), window());
  }

  private Window window() {
    if (!kept.containsKey(RecordStream.WINDOWS)) {
      now = now.plusMillis(2 * WINDOW);
      observer.tick();
    }
    return kept.getOrDefault(RecordStream.WINDOWS, List.of()).getFirst().getWindow();
  }

  private MonitoringPlan watch(Signal.Image image, double base, double notable)
      throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(manifest(image));
    observer.watch(
        MODEL,
        plan,
        new DesiredSlot(
            MODEL.slot(),
            1,
            MODEL.version(),
            MODEL.manifest(),
            MODEL.manifest(),
            URI.create("http://127.0.0.1"),
            Optional.empty(),
            new SamplingRates(base, notable),
            Duration.ofMillis(WINDOW),
            1,
            Duration.ofSeconds(1)));
    return plan;
  }

  private static Signal.Image image(int side) {
    return new Signal.Image(side, side, 3, false, List.of(0f), List.of(1f));
  }

  private static MonitoringManifest manifest(Signal.Image image) {
    int scalars = image.scalars().size();
    float[][] rows = new float[40][scalars];
    float[] scores = new float[rows.length];
    for (int row = 0; row < rows.length; row++) {
      image
          .meter()
          .measure(tensor(image.height(), .3f + .01f * row).data(), 0, Elements.FLOATS, rows[row]);
    }
    return MonitoringManifests.ofSignal(
        MonitoringManifests.fromReference(
            "x", image.scalars().stream().map(Feature::of).toList(), rows, "y", scores, .5),
        image);
  }

  private static Tensor tensor(int side, float light) {
    float[] pixels = new float[side * side * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = light * (1 + .001f * (i * 31 % 17));
    }
    return Tensor.ofFloats("x", List.of(1L, (long) side, (long) side, 3L), pixels);
  }

  private Prediction prediction(int items, Tensor input) {
    return new Prediction(
        new PredictionId("%026d".formatted(ids++)),
        "",
        MODEL,
        List.of(input),
        List.of(Tensor.ofFloats("y", List.of((long) items, 1L), new float[items])),
        now,
        1_000_000,
        items);
  }
}
