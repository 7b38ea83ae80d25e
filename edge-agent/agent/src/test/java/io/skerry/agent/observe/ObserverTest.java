package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.model.FailedPrediction;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionId;
import io.skerry.agent.serve.Feedback;
import io.skerry.agent.serve.FeedbackSink.Receipt;
import io.skerry.artifact.ElementType;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.LineUpkeep;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.MonitoringSettings;
import io.skerry.telemetry.sketch.StreamLayout;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.telemetry.wire.ModelReference;
import io.skerry.wire.artifact.v1.Budget;
import io.skerry.wire.artifact.v1.IntegerTensor;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.Differences;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ObserverTest {
  private static final ModelRef MODEL =
      new ModelRef(
          new SlotId("main"),
          new ModelVersion(new ModelName("engine-health"), 3),
          Digest.of(new byte[] {3}));
  private static final long WINDOW = 5000;

  private final Map<RecordStream, List<Record>> kept = new EnumMap<>(RecordStream.class);
  private Instant now = Instant.ofEpochMilli(100 * WINDOW);
  private boolean room = true;
  private int ids;
  private Observer observer;

  @BeforeEach
  void watch() throws MalformedDocumentException {
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(0, 1);
  }

  private void watch(double base, double notable) throws MalformedDocumentException {
    watch(base, notable, 0);
  }

  private void watch(double base, double notable, int windowBytes)
      throws MalformedDocumentException {
    watch(base, notable, windowBytes, Duration.ofMillis(WINDOW));
  }

  private void watch(double base, double notable, int windowBytes, Duration window)
      throws MalformedDocumentException {
    watch(base, notable, window, plain(windowBytes));
  }

  private static MonitoringManifest plain(int windowBytes) {
    return MonitoringManifests.fromReference(
            "input",
            List.of(
                new MonitoringManifests.Feature("a", 1), new MonitoringManifests.Feature("b", 2)),
            new float[][] {{1, 2}, {2, 3}, {3, 4}},
            "score",
            new float[] {0, 0.1f, 0.2f},
            0.5)
        .toBuilder()
        .setBudget(Budget.newBuilder().setWindowBytes(windowBytes))
        .build();
  }

  private void watch(double base, double notable, Duration window, MonitoringManifest manifest)
      throws MalformedDocumentException {
    watch(MODEL, base, notable, window, manifest);
  }

  private void watch(
      ModelRef model, double base, double notable, Duration window, MonitoringManifest manifest)
      throws MalformedDocumentException {
    watch(model, base, notable, window, MonitoringPlan.of(manifest));
  }

  private void watch(
      ModelRef model, double base, double notable, Duration window, MonitoringPlan plan) {
    observer.watch(
        model,
        plan,
        new DesiredSlot(
            model.slot(),
            1,
            model.version(),
            model.manifest(),
            model.manifest(),
            URI.create("http://127.0.0.1"),
            Optional.empty(),
            new SamplingRates(base, notable),
            window,
            1,
            Duration.ofSeconds(1)));
  }

  private synchronized boolean keep(RecordStream stream, Record record) {
    if (room) {
      kept.computeIfAbsent(stream, missing -> new ArrayList<>()).add(record);
    }
    return room;
  }

  private Record first(RecordStream stream) {
    return kept.getOrDefault(stream, List.of()).getFirst();
  }

  private List<Window> windows() {
    return kept.getOrDefault(RecordStream.WINDOWS, List.of()).stream()
        .map(Record::getWindow)
        .toList();
  }

  private Prediction prediction(String clientId, float score, float... input) {
    return prediction(MODEL, clientId, score, input);
  }

  private synchronized Prediction prediction(
      ModelRef model, String clientId, float score, float... input) {
    return new Prediction(
        new PredictionId("%026d".formatted(ids++)),
        clientId,
        model,
        List.of(Tensor.ofFloats("input", List.of(1L, (long) input.length), input)),
        List.of(Tensor.ofFloats("score", List.of(1L, 1L), score)),
        now,
        1_000_000);
  }

  @Test
  void holdsSoManyMonitoredValuesAndNoMore() throws MalformedDocumentException {
    int features = 4096;
    int fit = ObservationRing.FLYING_FLOATS / features;
    observer = new Observer(() -> now, 4096, this::keep, new byte[32]);
    watch(0, 0, Duration.ofMillis(WINDOW), wide(features));

    for (int round = 1; round <= 3; round++) {
      for (int i = 0; i < 2 * fit; i++) {
        observer.predicted(prediction("", 0.1f, new float[features]));
      }
      assertThat(observer.skipped()).isEqualTo((long) round * fit);
      observer.tick();
    }
  }

  private static MonitoringManifest wide(int features) {
    return MonitoringManifests.fromReference(
        "input",
        IntStream.range(0, features)
            .mapToObj(i -> new MonitoringManifests.Feature("f" + i, 1))
            .toList(),
        new float[][] {new float[features], new float[features]},
        "score",
        new float[] {0, 0.1f},
        0.5);
  }

  @Test
  void aVersionThatIsReplacedHoldsNoCountsOnceItsLastWindowIsSent()
      throws MalformedDocumentException {
    for (int version = 4; version < 24; version++) {
      ModelRef next =
          new ModelRef(
              MODEL.slot(),
              new ModelVersion(MODEL.version().model(), version),
              Digest.of(new byte[] {(byte) version}));
      watch(next, 0, 0, Duration.ofMillis(WINDOW), plain(0));
      observer.predicted(prediction(next, "", 0.1f, 1, 2, 3));
      now = now.plusMillis(WINDOW + 300);
      observer.tick();
    }
    now = now.plusMillis(4 * WINDOW);
    observer.tick();

    assertThat(windows()).hasSize(20);
    assertThat(observer.counting()).isEqualTo(1);

    observer.predicted(prediction("", 0.1f, 1, 2, 3));
    now = now.plusMillis(2 * WINDOW);
    observer.tick();
    assertThat(windows()).as("one that answers again counts again").hasSize(21);
  }

  /** Neither counts nor an outcome tell more of an output than a sample of it may. */
  @Test
  void tellsARoundedOutputNowhereExactly() throws MalformedDocumentException {
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(
        1,
        1,
        new MonitoringSettings(
            List.of(),
            List.of(
                PrivacyRule.newBuilder()
                    .setField("output:score")
                    .setAction(PrivacyRule.Action.ROUND)
                    .setStep(0.5)
                    .build()),
            Budget.getDefaultInstance()));

    Prediction told = prediction("", 0.31f, 0, 1, 2);
    observer.predicted(told);
    observer.submit(new Feedback(told.id().value(), "", 1, now));
    now = now.plusMillis(2 * WINDOW);
    observer.tick();

    assertThat(first(RecordStream.FEEDBACK).getFeedback().getScore()).isEqualTo(0.5);
    assertThat(
            first(RecordStream.SAMPLES)
                .getSample()
                .getOutputs(0)
                .getData()
                .asReadOnlyByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN)
                .getFloat())
        .isEqualTo(0.5f);
  }

  /** What is told of a shadow tells no more of an output than a sample of it may. */
  @ParameterizedTest
  @EnumSource(
      value = PrivacyRule.Action.class,
      names = {"DROP", "HASH", "BLUR"})
  void tellsNoDifferencesOfAHiddenOutput(PrivacyRule.Action hiding)
      throws MalformedDocumentException {
    MonitoringSettings hidden = output(hiding, rule -> rule.setRadius(1));
    MonitoringSettings open = MonitoringSettings.NONE;
    for (List<MonitoringSettings> of :
        List.of(List.of(hidden, hidden), List.of(hidden, open), List.of(open, hidden))) {
      Differences told = differences(of.getFirst(), of.getLast(), 0.31f, 0.7f);

      assertThat(told.getCompared()).isZero();
      assertThat(told.getUnmirrored()).isEqualTo(1);
      assertThat(told.getElements() + told.getAgreed() + told.getIncomparable()).isZero();
      assertThat(told.getAbsoluteSum() + told.getAbsoluteMax()).isZero();
    }
  }

  @Test
  void tellsDifferencesOfARoundedOutputAfterRounding() throws MalformedDocumentException {
    MonitoringSettings rounded = output(PrivacyRule.Action.ROUND, rule -> rule.setStep(0.5));

    assertThat(differences(rounded, rounded, 0.31f, 0.4f).getAbsoluteMax()).isZero();
    assertThat(differences(rounded, rounded, 0.31f, 0.8f).getAbsoluteMax()).isEqualTo(0.5);
  }

  private static MonitoringSettings output(
      PrivacyRule.Action action, UnaryOperator<PrivacyRule.Builder> with) {
    return new MonitoringSettings(
        List.of(),
        List.of(
            with.apply(PrivacyRule.newBuilder().setField("output:score").setAction(action))
                .build()),
        Budget.getDefaultInstance());
  }

  private Differences differences(
      MonitoringSettings primary, MonitoringSettings shadow, float given, float shadowed)
      throws MalformedDocumentException {
    kept.clear();
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(0, 0, primary);
    ModelRef other =
        new ModelRef(
            new SlotId("trial"),
            new ModelVersion(MODEL.version().model(), 4),
            Digest.of(new byte[] {4}));
    watch(other, 0, 0, Duration.ofMillis(WINDOW), manifest(shadow));
    observer.shadowed(prediction("", given, 0, 1, 2), prediction(other, "", shadowed, 0, 1, 2));
    now = now.plusMillis(2 * WINDOW);
    observer.tick();
    return windows().getFirst().getDifferences();
  }

  private void watch(double base, double notable, MonitoringSettings settings)
      throws MalformedDocumentException {
    watch(base, notable, Duration.ofMillis(WINDOW), manifest(settings));
  }

  private static MonitoringManifest manifest(MonitoringSettings settings) {
    return MonitoringManifests.fromReference(
        "input",
        List.of(new MonitoringManifests.Feature("a", 1), new MonitoringManifests.Feature("b", 2)),
        new float[][] {{1, 2}, {2, 3}},
        new MonitoringManifests.Scores(
            "score", List.of(new float[] {0}, new float[] {0.1f}), false, 0.5, List.of()),
        settings);
  }

  /** A budget is of a day, not of a process. */
  @Test
  void hasOneDaysBytesHoweverOftenItStarts(@TempDir Path folder) throws MalformedDocumentException {
    int budget = 6000;
    for (int start = 0; start < 5; start++) {
      observer =
          new Observer(
              () -> now,
              16,
              Observer.RECENT_MAX,
              this::keep,
              new byte[32],
              DayBytes.open(Disk.local(), folder),
              () -> 0,
              OpenWindowKeeper.NONE);
      watch(
          1,
          1,
          new MonitoringSettings(
              List.of(), List.of(), Budget.newBuilder().setSampleBytes(budget).build()));
      for (int i = 0; i < 50; i++) {
        observer.predicted(prediction("", 0.31f, 0, 1, 2));
        observer.tick();
      }
    }

    int sent =
        kept.getOrDefault(RecordStream.SAMPLES, List.of()).stream()
            .mapToInt(Record::getSerializedSize)
            .sum();
    assertThat(sent).isBetween(budget / 2, budget);
  }

  /** A budget is of a device and day, however many versions and models it runs. */
  @Test
  void hasOneDaysBytesForAllVersionsAndModels() throws MalformedDocumentException {
    int budget = 9000;
    now = Instant.ofEpochMilli(0);
    List<ModelRef> models = new ArrayList<>();
    for (String name : List.of("engine-health", "engine-health", "vibration")) {
      int version = 7 + models.size();
      models.add(
          new ModelRef(
              new SlotId("main"),
              new ModelVersion(new ModelName(name), version),
              Digest.of(new byte[] {(byte) version})));
    }
    MonitoringManifest manifest =
        manifest(
            new MonitoringSettings(
                List.of(),
                List.of(),
                Budget.newBuilder().setWindowBytes(budget).setSampleBytes(budget).build()));
    Duration window = Duration.ofHours(1);
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    for (int hour = 0; hour < 24; hour++) {
      for (ModelRef model : models) {
        watch(model, 1, 1, window, manifest);
        observer.predicted(prediction(model, "", 0.31f, 0, 1, 2));
      }
      now = now.plus(window).plusMillis(200);
      observer.tick();
      now = now.minusMillis(200);
    }

    int windows = windows().stream().mapToInt(one -> one.getSerializedSize() + 260).sum();
    int samples =
        kept.getOrDefault(RecordStream.SAMPLES, List.of()).stream()
            .mapToInt(Record::getSerializedSize)
            .sum();
    // So few bytes leave a third to the line.
    assertThat(windows).isBetween(budget / 3, budget * 2 / 3);
    assertThat(samples).isBetween(budget / 2, budget);
    for (ModelRef model : models) {
      assertThat(windows())
          .filteredOn(one -> one.getModel().getVersion() == model.version().version())
          .hasSizeGreaterThan(1);
    }
  }

  /** Who reads them must know when they are of more than the day that they come with. */
  @Test
  void tellsSinceWhenProductsAreSummedUp() throws MalformedDocumentException {
    Duration window = Duration.ofHours(1);
    now = Instant.EPOCH.plus(Duration.ofHours(20));
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(0, 0, window, manifest(MonitoringSettings.NONE));
    for (int hour = 20; hour < 96; hour++) {
      // Away from the second day's noon to the third's.
      if (hour < 36 || hour >= 60) {
        observer.count(MODEL, now.toEpochMilli(), 64, new float[128], new float[64], new long[64]);
      }
      now = now.plus(window).plusMillis(200);
      observer.tick();
      now = now.minusMillis(200);
    }

    assertThat(windows())
        .filteredOn(Window::hasCoMoments)
        .extracting(one -> one.getCoMoments().getSinceMillis() / window.toMillis())
        .containsExactly(20L, 24L, 61L, 72L);
  }

  /** A model without a limit that is rolled back leaves the others the bytes of their own. */
  @Test
  void isNotSilencedByWhatWasSentWithoutALimit() throws MalformedDocumentException {
    int budget = 9000;
    now = Instant.ofEpochMilli(0);
    List<ModelRef> models = new ArrayList<>();
    for (String name : List.of("engine-health", "vibration", "vibration")) {
      int version = 7 + models.size();
      models.add(
          new ModelRef(
              new SlotId("s" + models.size()),
              new ModelVersion(new ModelName(name), version),
              Digest.of(new byte[] {(byte) version})));
    }
    Budget limited = Budget.newBuilder().setWindowBytes(budget).setSampleBytes(budget).build();
    Duration window = Duration.ofHours(1);
    observer = new Observer(() -> now, 512, this::keep, new byte[32]);
    for (int i = 0; i < models.size(); i++) {
      Budget own = i == 1 ? Budget.getDefaultInstance() : limited;
      watch(
          models.get(i), 1, 1, window, manifest(new MonitoringSettings(List.of(), List.of(), own)));
    }
    // The unlimited version of "vibration" answers until six, then the one before it.
    for (int hour = 0; hour < 24; hour++) {
      observer.predicted(prediction(models.get(0), "", 0.31f, 0, 1, 2));
      for (int i = 0; hour < 6 && i < 100; i++) {
        observer.predicted(prediction(models.get(1), "", 0.31f, 0, 1, 2));
      }
      if (hour >= 6) {
        observer.predicted(prediction(models.get(2), "", 0.31f, 0, 1, 2));
      }
      now = now.plus(window).plusMillis(200);
      observer.tick();
      now = now.minusMillis(200);
    }

    long afternoon = Duration.ofHours(12).toMillis();
    for (ModelRef limitedOne : List.of(models.get(0), models.get(2))) {
      long version = limitedOne.version().version();
      assertThat(kept.getOrDefault(RecordStream.SAMPLES, List.of()))
          .filteredOn(one -> one.getSample().getModel().getVersion() == version)
          .hasSizeGreaterThan(8);
      assertThat(windows())
          .filteredOn(one -> one.getModel().getVersion() == version)
          .filteredOn(one -> one.getStartMillis() >= afternoon)
          .isNotEmpty();
    }
  }

  /** An int8 input is watched as the reals that it stands for. */
  @Test
  void watchesAnIntegerInputAndOutput() throws MalformedDocumentException {
    MonitoringManifest manifest =
        MonitoringManifests.ofIntegers(
            manifest(MonitoringSettings.NONE),
            List.of(
                IntegerTensor.newBuilder()
                    .setField("input:input")
                    .setScale(.5f)
                    .setZeroPoint(-10)
                    .build(),
                IntegerTensor.newBuilder()
                    .setField("output:score")
                    .setScale(1f / 256)
                    .setZeroPoint(-128)
                    .build()));
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(0, 0, Duration.ofMillis(WINDOW), manifest);
    ByteBuffer input = ByteBuffer.wrap(new byte[] {0, -8, -6});
    ByteBuffer score = ByteBuffer.wrap(new byte[] {64});

    observer.predicted(
        new Prediction(
            new PredictionId("%026d".formatted(ids++)),
            "",
            MODEL,
            List.of(new Tensor("input", ElementType.INT8, List.of(1L, 3L), input)),
            List.of(new Tensor("score", ElementType.INT8, List.of(1L, 1L), score)),
            now,
            1_000_000));
    now = now.plusMillis(2 * WINDOW);
    observer.tick();

    MonitoringPlan plan = MonitoringPlan.of(manifest);
    WindowCounts counts = WindowCodec.read(plan.layout(), windows().getFirst());
    assertThat(observer.skipped()).isZero();
    // 1 and 2 are the first of two reference values each, .75 is in the 49th of 64 bins.
    assertThat(counts.count(plan.layout().indexOf("a"), 0)).isEqualTo(1);
    assertThat(counts.count(plan.layout().indexOf("b"), 0)).isEqualTo(1);
    assertThat(counts.count(plan.layout().indexOf("$score"), 48)).isEqualTo(1);
    assertThat(counts.count(plan.layout().indexOf("$class"), 1)).isEqualTo(1);
  }

  @Test
  void aClockThatIsPutBackClosesTheWindowOfTheWrongTime() {
    Instant right = now;
    now = right.plus(Duration.ofDays(3652));
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    observer.tick();
    assertThat(windows()).isEmpty();

    now = right;
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    observer.tick();
    now = right.plusMillis(2 * WINDOW);
    observer.tick();

    assertThat(windows()).hasSize(2);
    assertThat(windows().get(1).getWindow()).isEqualTo(100);
  }

  /** A clock that began in 1970 and was put right leaves no window of fifty years. */
  @ParameterizedTest
  @ValueSource(longs = {WINDOW, 3_600_000})
  void givesUpWhatItWouldCountTogetherOverTooLong(long windowMillis)
      throws MalformedDocumentException {
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(0, 1, 1200, Duration.ofMillis(windowMillis));
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    observer.tick();
    Instant noon = Instant.parse("2026-01-01T12:00:00Z");

    for (Instant next :
        List.of(
            noon.plusSeconds(1),
            noon.plusSeconds(36 * 3600 - 9),
            noon.plusSeconds(36 * 3600).plusMillis(400))) {
      now = next;
      observer.tick();
      observer.predicted(prediction("", 0.1f, 0, 1, 2));
    }
    observer.tick();

    Window window = windows().getFirst();
    assertThat(window.getStartMillis()).isEqualTo(noon.toEpochMilli());
    assertThat(window.getPredictions()).isEqualTo(3);
    assertThat(window.getSkipped()).isEqualTo(1);
  }

  @Test
  void sealsAWindowWhenTheWallClockHasLeftIt() {
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    now = now.plusMillis(4999);
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    observer.tick();
    assertThat(windows()).isEmpty();

    now = now.plusMillis(400);
    observer.tick();

    assertThat(windows()).hasSize(1);
    Window window = windows().getFirst();
    assertThat(window.getWindow()).isEqualTo(100);
    assertThat(window.getStartMillis()).isEqualTo(100 * WINDOW);
    assertThat(window.getEndMillis()).isEqualTo(101 * WINDOW);
    assertThat(window.getPredictions()).isEqualTo(2);
    assertThat(window.getModel().getVersion()).isEqualTo(3);
  }

  @Test
  void tellsWhatMemoryItsProcessHasWhenAWindowCloses() throws MalformedDocumentException {
    long[] resident = {90_000_000};
    observer =
        new Observer(
            () -> now,
            16,
            Observer.RECENT_MAX,
            this::keep,
            new byte[32],
            DayBytes.forgetful(),
            () -> resident[0],
            OpenWindowKeeper.NONE);
    watch(0, 1);
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    observer.tick();
    resident[0] = 120_000_000;
    now = now.plusMillis(WINDOW + 400);

    observer.tick();

    assertThat(windows()).singleElement().returns(120_000_000L, Window::getResidentBytes);
  }

  @Test
  void sendsNoEmptyWindow() {
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    now = now.plusMillis(10 * WINDOW);
    observer.tick();
    now = now.plusMillis(10 * WINDOW);
    observer.tick();
    observer.flush();

    assertThat(windows()).hasSize(1);
  }

  @Test
  void aPredictionOfTheNextWindowClosesTheOneBefore() {
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    now = now.plusMillis(WINDOW);
    observer.predicted(prediction("", 0.1f, 0, 1, 2));
    observer.tick();
    observer.flush();

    assertThat(windows().stream().map(Window::getWindow)).containsExactly(100L, 101L);
  }

  @Test
  void countsWhatTheRingCouldNotTake() {
    for (int i = 0; i < 20; i++) {
      observer.predicted(prediction("", 0.1f, 0, 1, 2));
    }
    observer.flush();

    assertThat(windows().getFirst().getPredictions()).isEqualTo(20);
    assertThat(windows().getFirst().getSkipped()).isEqualTo(4);
    assertThat(observer.skipped()).isEqualTo(4);
  }

  @Test
  void countsEveryItemOfABatch() throws MalformedDocumentException {
    observer.predicted(batch(new float[] {.1f, .6f, .2f}, 0, 1, 2, 0, 999, 3, 0, 2, 3));
    now = now.plusMillis(2 * WINDOW);
    observer.tick();

    Window window = windows().getFirst();
    assertThat(window.getPredictions()).isEqualTo(3);
    assertThat(window.getSkipped()).isZero();
    assertThat(window.getAnomalous()).isEqualTo(1);
    assertThat(window.getAnomaliesList())
        .extracting(one -> one.getItem() + " " + one.getStream())
        .containsExactly("1 0");
    StreamLayout layout = MonitoringPlan.of(plain(0)).layout();
    WindowCounts counts = WindowCodec.unpack(layout, window.getPacked().toByteArray());
    assertThat(counts.counts(layout.indexOf("$class"))).containsExactly(2L, 1L);
    assertThat(counts.total(layout.indexOf("$score"))).isEqualTo(3);
    assertThat(counts.count(0, layout.ordinary(0) + 4)).isEqualTo(1);
  }

  /** One batch must neither stall who counts nor take the ring from the others. */
  @Test
  void countsABoundedPartOfALargeBatchAndTheRestAsSkipped() throws MalformedDocumentException {
    observer = new Observer(() -> now, 2048, this::keep, new byte[32]);
    watch(0, 0);
    int items = Observer.ITEMS_MAX + 476;
    float[] inputs = new float[3 * items];
    Arrays.fill(inputs, 2);
    inputs[3 * (items - 2) + 1] = Float.NaN;

    observer.predicted(batch(new float[items], inputs));
    observer.flush();

    Window window = windows().getFirst();
    assertThat(window.getPredictions()).isEqualTo(items);
    assertThat(window.getSkipped()).isEqualTo(476);
    assertThat(observer.skipped()).isEqualTo(476);
    // Those that are counted lie evenly among all.
    assertThat(window.getAnomaliesList()).extracting(Anomaly::getItem).containsExactly(items - 2);
  }

  /** Also where nothing else of an item is counted. */
  @Test
  void countsEveryAnomalousItemOfALargeBatch() throws MalformedDocumentException {
    observer = new Observer(() -> now, 2048, this::keep, new byte[32]);
    watch(0, 0);
    int items = 3 * Observer.ITEMS_MAX + 5;
    float[] inputs = new float[3 * items];
    Arrays.fill(inputs, 2);
    for (int item = 7; item < items; item += 100) {
      inputs[3 * item + 1] = Float.NaN;
    }
    inputs[3 * (items - 1) + 2] = Float.POSITIVE_INFINITY;

    observer.predicted(batch(new float[items], inputs));
    observer.flush();

    Window window = windows().getFirst();
    assertThat(window.getSkipped()).isEqualTo(items - Observer.ITEMS_MAX);
    assertThat(window.getAnomalous()).isEqualTo((items - 8) / 100 + 2);
    assertThat(window.getAnomaliesCount()).isBetween(1, (items - 8) / 100);
  }

  @Test
  void countsAnomalousItemsThatFindNoRoomInTheRing() throws MalformedDocumentException {
    observer = new Observer(() -> now, 4, this::keep, new byte[32]);
    watch(0, 0);
    float[] inputs = new float[3 * 10];
    Arrays.fill(inputs, 2);
    inputs[1] = Float.NaN;
    inputs[3 * 8 + 1] = Float.NaN;

    observer.predicted(batch(new float[10], inputs));
    observer.predicted(batch(new float[1], 0, Float.NaN, 2));
    observer.flush();

    Window window = windows().getFirst();
    assertThat(window.getSkipped()).isEqualTo(7);
    assertThat(window.getAnomalous()).isEqualTo(3);
    assertThat(window.getAnomaliesCount()).isEqualTo(1);
  }

  @Test
  void tellsWhichSamplesFoundNoRoomInTheRing() throws MalformedDocumentException {
    observer = new Observer(() -> now, 4, this::keep, new byte[32]);
    watch(1, 1);
    float[] inputs = new float[3 * 10];
    Arrays.fill(inputs, 2);
    inputs[3 * 8 + 1] = Float.NaN;

    // Of the first, what is notable lies among the items that are not counted; of the others, all.
    observer.predicted(batch(new float[10], inputs));
    observer.predicted(batch(new float[1], 0, Float.NaN, 2));
    observer.predicted(batch(new float[1], 0, 1, 2));
    observer.flush();

    assertThat(kept).doesNotContainKey(RecordStream.SAMPLES);
    assertThat(windows().getFirst().getSamplesRefusedList())
        .extracting(refused -> refused.getStratum() + " " + refused.getSamples())
        .containsExactlyInAnyOrder("anomaly 2", "base 1");
  }

  @Test
  void samplesABatchForAnAnomalousItemThatIsNotCounted() throws MalformedDocumentException {
    observer = new Observer(() -> now, 2048, this::keep, new byte[32]);
    watch(0, 1);
    int items = 2 * Observer.ITEMS_MAX;
    float[] inputs = new float[3 * items];
    Arrays.fill(inputs, 2);
    inputs[3 * (items - 1) + 1] = Float.NaN;

    observer.predicted(batch(new float[items], inputs));
    observer.flush();

    assertThat(kept.getOrDefault(RecordStream.SAMPLES, List.of()))
        .singleElement()
        .matches(record -> record.getSample().getStratum().equals("anomaly"))
        .matches(record -> record.getSample().getInclusionProbability() == 1);
  }

  /** Looking takes longer than a window may stay open. */
  @Test
  void countsAnomalousItemsOfWindowsThatAreSealedWhileItLooks() throws Exception {
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(0, 0);
    int items = 200_000;
    float[] inputs = new float[3 * items];
    Arrays.fill(inputs, Float.NaN);
    Prediction large = batch(new float[items], inputs);

    Thread predicting = new Thread(() -> observer.predicted(large));
    predicting.start();
    while (predicting.isAlive()) {
      observer.flush();
    }
    predicting.join();
    observer.flush();

    assertThat(windows().stream().mapToLong(Window::getAnomalous).sum()).isEqualTo(items);
  }

  @Test
  void allocatesNothingForItemsThatAreLookedAtOnly() throws MalformedDocumentException {
    observer = new Observer(() -> now, 1024, this::keep, new byte[32]);
    watch(0, 0);
    int items = 2 * Observer.ITEMS_MAX;
    float[] inputs = new float[3 * items];
    Arrays.fill(inputs, Float.NaN);
    Prediction large = batch(new float[items], inputs);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = 0;
    for (int call = 0; call < 300; call++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      observer.predicted(large);
      long after = threads.getCurrentThreadAllocatedBytes();
      // The first ones make the ring's rows and room to look in.
      allocated += call > 200 ? after - before : 0;
      observer.tick();
    }

    assertThat(observer.skipped()).isEqualTo(300L * Observer.ITEMS_MAX);
    assertThat(allocated).isLessThan(10_000);
    observer.flush();
    assertThat(windows().stream().mapToLong(Window::getAnomalous).sum()).isEqualTo(300L * items);
  }

  @Test
  void samplesABatchWholeForItsMostNotableItem() {
    Prediction batch = batch(new float[] {.1f, .1f, .1f}, 0, 1, 2, 0, Float.NaN, 3, 0, 2, 3);
    observer.predicted(batch);
    observer.submit(new Feedback(batch.id().value(), "", 1, now));
    observer.tick();

    assertThat(kept.getOrDefault(RecordStream.SAMPLES, List.of()))
        .extracting(record -> record.getSample().getStratum())
        .containsExactly("anomaly");
    assertThat(first(RecordStream.SAMPLES).getSample().getInputs(0).getData().size()).isEqualTo(36);
    assertThat(first(RecordStream.FEEDBACK).getFeedback().getJoined()).isTrue();
  }

  @Test
  void countsABatchThatCannotBeReadAndOneThatFailedByItsItems() {
    observer.predicted(batch(new float[] {.1f, .1f, .1f}, new float[8]));
    observer.failed(
        new FailedPrediction(new PredictionId("%026d".formatted(0)), "", MODEL, "on fire", now, 5));
    observer.flush();

    assertThat(windows().getFirst().getPredictions()).isEqualTo(8);
    assertThat(windows().getFirst().getSkipped()).isEqualTo(3);
    assertThat(windows().getFirst().getPredictionsFailed()).isEqualTo(5);
  }

  /** Its thread belongs to the client who waits. */
  @ParameterizedTest
  @ValueSource(ints = {1, 8})
  void allocatesNothingForAPredictionThatIsNotSampled(int items) throws MalformedDocumentException {
    int ring = 1024;
    observer = new Observer(() -> now, ring, this::keep, new byte[32]);
    // The highest rate that is possible: so that every prediction is looked at.
    watch(0, 1);
    float[] inputs = new float[3 * items];
    Arrays.fill(inputs, 2);
    List<Prediction> predictions = new ArrayList<>();
    for (int i = 0; i < ring / items; i++) {
      predictions.add(batch(new float[items], inputs));
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int calls = 0;
    long allocated = 0;
    while (calls < 30_000) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < predictions.size(); i++) {
        observer.predicted(predictions.get(i));
      }
      long after = threads.getCurrentThreadAllocatedBytes();
      calls += predictions.size();
      // The first ones make the ring's rows.
      allocated += calls > 20_000 ? after - before : 0;
      observer.tick();
    }

    assertThat(observer.skipped()).isZero();
    assertThat(kept).isEmpty();
    // Less than a byte a call: what asking for the number takes.
    assertThat(allocated).isLessThan(10_000);
  }

  /** Between two ticks too the rate falls with the bytes that are left: none is refused. */
  @Test
  void keepsTheRecordedProbabilitiesTrueWhileTheDaysBytesRunOut()
      throws MalformedDocumentException {
    int budget = 200_000;
    int predictions = 250;
    observer = new Observer(() -> now, 1024, this::keep, new byte[32]);
    watch(
        1,
        1,
        new MonitoringSettings(
            List.of(), List.of(), Budget.newBuilder().setSampleBytes(budget).build()));
    for (int i = 0; i < predictions; i++) {
      observer.predicted(prediction("", 0.31f, new float[256]));
    }
    observer.flush();

    List<Record> samples = kept.getOrDefault(RecordStream.SAMPLES, List.of());
    double estimated =
        samples.stream()
            .mapToDouble(sample -> 1 / sample.getSample().getInclusionProbability())
            .sum();
    assertThat(estimated).isBetween(.8 * predictions, 1.2 * predictions);
    assertThat(samples.stream().mapToInt(Record::getSerializedSize).sum()).isLessThan(budget);
    assertThat(windows().getFirst().getSamplesRefusedList()).isEmpty();
    assertThat(windows().getFirst().getSamplesLeftOut()).isEqualTo(predictions - samples.size());
  }

  @Test
  void tellsOfWhichStratumChosenSamplesWereRefused() {
    observer.predicted(prediction("", 0.1f, 0, Float.NaN, 2));
    observer.predicted(prediction("", 0.51f, 0, 1, 2));
    observer.predicted(prediction("", 0.52f, 0, 1, 2));
    room = false;
    observer.tick();
    room = true;
    // Larger than any record may be.
    float[] large = new float[1 << 17];
    large[1] = Float.NaN;
    observer.predicted(prediction("", 0.1f, large));
    observer.flush();

    assertThat(windows().getFirst().getSamplesRefusedList())
        .extracting(refused -> refused.getStratum() + " " + refused.getSamples())
        .containsExactly("low-confidence 2", "anomaly 2");
  }

  @Test
  void tellsOfEveryAnomalyWhereBytesHaveNoLimit() throws MalformedDocumentException {
    observer = new Observer(() -> now, 1024, this::keep, new byte[32]);
    watch(0, 0);
    for (int i = 0; i < 100; i++) {
      observer.predicted(prediction("", 0.1f, 0, Float.NaN, 999));
    }
    observer.flush();

    assertThat(windows().getFirst().getAnomaliesList()).hasSize(100);
    assertThat(windows().getFirst().getAnomalies(0))
        .satisfies(
            anomaly -> {
              assertThat(anomaly.getStream() << 8 | anomaly.getBin()).isEqualTo(1);
              assertThat(anomaly.getMoreList()).containsExactly(1 << 8 | 4);
            });
  }

  /** Single anomalies explain; they must not cost the windows that count. */
  @Test
  void tellsOfAsManyAnomaliesAsTheDaysOtherWindowsLeaveBytesFor()
      throws MalformedDocumentException {
    int budget = 60_000;
    Duration hour = Duration.ofHours(1);
    now = Instant.ofEpochMilli(0);
    observer = new Observer(() -> now, 1024, this::keep, new byte[32]);
    watch(0, 0, budget, hour);
    for (int i = 0; i < 24; i++) {
      for (int one = 0; one < 500; one++) {
        observer.predicted(prediction("", 0.1f, 0, i == 0 ? Float.NaN : 2, 3));
      }
      now = now.plus(hour).plusMillis(200);
      observer.tick();
      now = now.minusMillis(200);
    }

    assertThat(windows()).hasSize(24);
    assertThat(windows().getFirst().getAnomalous()).isEqualTo(500);
    assertThat(windows().getFirst().getAnomaliesCount()).isBetween(17, 499);
    assertThat(windows().stream().mapToInt(one -> one.getSerializedSize() + 260).sum())
        .isLessThanOrEqualTo(budget);
  }

  private synchronized Prediction batch(float[] scores, float... inputs) {
    return new Prediction(
        new PredictionId("%026d".formatted(ids++)),
        "",
        MODEL,
        List.of(Tensor.ofFloats("input", List.of(1L, (long) inputs.length), inputs)),
        List.of(Tensor.ofFloats("score", List.of((long) scores.length, 1L), scores)),
        now,
        1_000_000,
        scores.length);
  }

  @Test
  void countsFailedPredictions() {
    observer.failed(
        new FailedPrediction(new PredictionId("%026d".formatted(0)), "", MODEL, "on fire", now));
    observer.flush();

    assertThat(windows().getFirst().getPredictions()).isEqualTo(1);
    assertThat(windows().getFirst().getPredictionsFailed()).isEqualTo(1);
  }

  @Test
  void keepsTensorsOfNotableAndNotOfOrdinaryPredictions() {
    observer.predicted(prediction("plain", 0.1f, 0, 1, 2));
    observer.predicted(prediction("near", 0.51f, 0, 1, 2));
    observer.predicted(prediction("missing", 0.1f, 0, Float.NaN, 2));
    observer.tick();

    assertThat(
            kept.getOrDefault(RecordStream.SAMPLES, List.of()).stream()
                .map(record -> record.getSample().getClientId()))
        .containsExactly("near", "missing");
    assertThat(kept.getOrDefault(RecordStream.SAMPLES, List.of()).getFirst().getSample())
        .satisfies(
            sample -> {
              assertThat(sample.getInclusionProbability()).isEqualTo(1);
              assertThat(sample.getStratum()).isEqualTo("low-confidence");
              assertThat(sample.getInputs(0).getData().size()).isEqualTo(12);
              assertThat(sample.getOutputs(0).getDatatype()).isEqualTo("FP32");
            });
  }

  @Test
  void joinsFeedbackByEitherIdEvenBeforeTheRingWasRead() {
    Prediction prediction = prediction("mine", 0.25f, 0, 1, 2);
    observer.predicted(prediction);

    assertThat(observer.submit(new Feedback(prediction.id().value(), "", 1, now)))
        .isEqualTo(Receipt.JOINED);
    assertThat(observer.submit(new Feedback("", "mine", 0, now))).isEqualTo(Receipt.JOINED);
    assertThat(observer.submit(new Feedback("", "other", 0, now))).isEqualTo(Receipt.TAKEN);
    List<Record> feedback = kept.getOrDefault(RecordStream.FEEDBACK, List.of());
    assertThat(feedback.get(1).getFeedback().getPredictionId()).isEqualTo(prediction.id().value());
    assertThat(feedback.get(1).getFeedback().getScore()).isEqualTo(0.25);
    assertThat(feedback.get(2).getFeedback().getJoined()).isFalse();
  }

  /** A version that has a rule for it may have answered before the device went back to this one. */
  @Test
  void sendsNoClientIdOfAPredictionThatItDoesNotKnow() {
    observer.submit(new Feedback("", "anna", 1, now));
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    observer.submit(new Feedback("", "anna", 1, now));

    assertThat(kept.getOrDefault(RecordStream.FEEDBACK, List.of()))
        .extracting(record -> record.getFeedback().getClientId())
        .containsExactly("", "");
  }

  @Test
  void letsNothingButLatenciesGoWhileThePlanCannotBeRead() {
    unread();
    Prediction prediction = prediction("anna", 0.25f, 0, 1, 2);
    observer.predicted(prediction);
    assertThat(observer.submit(new Feedback(prediction.id().value(), "", 1, now)))
        .isEqualTo(Receipt.JOINED);
    observer.flush();

    assertThat(kept).doesNotContainKey(RecordStream.SAMPLES);
    assertThat(first(RecordStream.FEEDBACK).getFeedback().getClientId()).isEmpty();
    assertThat(first(RecordStream.FEEDBACK).getFeedback().getJoined()).isFalse();
    Window window = windows().getFirst();
    assertThat(window.getPredictions()).isEqualTo(1);
    assertThat(window.getPacked().isEmpty()).isTrue();
    assertThat(window.getStreamsList())
        .extracting(StreamCounts::getStream)
        .containsExactly("$latency", "$errors");
  }

  @Test
  void keepsTheDeviceWithinABudgetWhileThePlanCannotBeRead() {
    unread();

    assertThat(observer.upkeep()).isEqualTo(LineUpkeep.of(80_000));
  }

  @Test
  void countsAllOnceThePlanCanBeReadAgain() throws MalformedDocumentException {
    unread();
    observer.predicted(prediction("", 0.25f, 0, 1, 2));
    observer.tick();
    observer.predicted(prediction("", 0.25f, 0, 1, 2));

    watch(1, 1);
    observer.predicted(prediction("", 0.25f, 0, 1, 2));
    observer.tick();
    assertThat(windows()).singleElement().returns(2L, Window::getPredictions);
    observer.tick();
    observer.flush();

    assertThat(windows()).hasSize(2);
    StreamLayout layout = StreamLayout.of(plain(0));
    WindowCounts before = WindowCodec.read(layout, windows().getFirst());
    WindowCounts after = WindowCodec.read(layout, windows().getLast());
    assertThat(before.has(layout.indexOf("a"))).isFalse();
    assertThat(before.total(layout.indexOf("$latency"))).isEqualTo(2);
    assertThat(after.total(layout.indexOf("a"))).isEqualTo(1);
    assertThat(kept.getOrDefault(RecordStream.SAMPLES, List.of())).hasSize(1);
    // Settings that come without the plan change nothing else.
    watch(MODEL, 1, 1, Duration.ofMillis(WINDOW), MonitoringPlan.unread());
    observer.predicted(prediction("", 0.25f, 0, 1, 2));
    observer.flush();
    assertThat(windows().getLast().getPacked().isEmpty()).isFalse();
  }

  private void unread() {
    observer = new Observer(() -> now, 16, this::keep, new byte[32]);
    watch(MODEL, 1, 1, Duration.ofMillis(WINDOW), MonitoringPlan.unread());
  }

  @Test
  void tellsNoScoreWithFeedbackWhereThereIsNone() {
    Prediction prediction = prediction("mine", Float.NaN, 0, 1, 2);
    observer.predicted(prediction);

    assertThat(observer.submit(new Feedback("", "mine", 1, now))).isEqualTo(Receipt.JOINED);

    assertThat(kept.getOrDefault(RecordStream.FEEDBACK, List.of()))
        .singleElement()
        .satisfies(
            record -> {
              assertThat(record.getFeedback().getPredictionId()).isEqualTo(prediction.id().value());
              assertThat(record.getFeedback().getJoined()).isFalse();
              assertThat(record.getFeedback().getScore()).isZero();
            });
  }

  @Test
  void saysWhenThereIsNoRoomForFeedback() {
    room = false;

    assertThat(observer.submit(new Feedback("", "any", 0, now))).isEqualTo(Receipt.FULL);
  }

  @Test
  void forgetsTheOldestPredictions() {
    RecentPredictions recent = new RecentPredictions(2);
    for (String id : List.of("a", "b", "c")) {
      recent.add(
          new RecentPredictions.Known(
              id,
              "client-" + id,
              new ModelReference(MODEL.slot(), MODEL.version(), MODEL.manifest()),
              0,
              0,
              0));
    }

    assertThat(recent.find("a", "")).isEmpty();
    assertThat(recent.find("", "client-a")).isEmpty();
    assertThat(recent.find("", "client-c")).isPresent();
  }

  @Test
  void countsEveryPredictionOfManyThreadsOnce() throws InterruptedException {
    Prediction prediction = prediction("", 0.1f, 0, 1, 2);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    for (int thread = 0; thread < 4; thread++) {
      threads.execute(
          () -> {
            for (int i = 0; i < 5000; i++) {
              observer.predicted(prediction);
            }
          });
    }
    threads.shutdown();
    while (!threads.awaitTermination(1, TimeUnit.MILLISECONDS)) {
      observer.tick();
    }
    observer.flush();

    assertThat(windows().stream().mapToLong(Window::getPredictions).sum()).isEqualTo(20_000);
    assertThat(windows().stream().mapToLong(Window::getSkipped).sum())
        .isEqualTo(observer.skipped());
  }
}
