package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.model.FailedPrediction;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionId;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a killed process had counted is counted by the next one, once. */
class ObserverRestartTest {
  private static final ModelRef MODEL =
      new ModelRef(
          new SlotId("main"),
          new ModelVersion(new ModelName("engine-health"), 3),
          Digest.of(new byte[] {3}));
  private static final long WINDOW = 60_000;

  private final List<Window> windows = new ArrayList<>();
  private final Memory memory = new Memory();
  private Instant now = Instant.ofEpochMilli(100 * WINDOW);
  private int ids;
  private Observer observer;

  /** Survives the observers of this test. */
  private static final class Memory implements OpenWindowKeeper {
    private Optional<byte[]> content = Optional.empty();
    private List<Record> since = new ArrayList<>();
    private boolean room = true;
    private boolean known = true;
    private int writes;

    @Override
    public Optional<Left> left() throws IOException {
      if (!known) {
        throw new IOException("not now");
      }
      return content.map(bytes -> new Left(bytes, since));
    }

    @Override
    public boolean keep(byte[] bytes) {
      if (room) {
        writes++;
        content = Optional.of(bytes.clone());
        since = new ArrayList<>();
      }
      return room;
    }

    @Override
    public void together(Runnable acts) {
      acts.run();
    }
  }

  @BeforeEach
  void start() throws MalformedDocumentException {
    restart(2);
  }

  private void restart(int features) throws MalformedDocumentException {
    observer =
        new Observer(
            () -> now, 64, 16, this::keep, new byte[32], DayBytes.forgetful(), () -> 0, memory);
    if (features > 0) {
      observer.watch(MODEL, plan(features), order());
    }
  }

  private static MonitoringPlan plan(int features) throws MalformedDocumentException {
    List<MonitoringManifests.Feature> named = new ArrayList<>();
    float[][] rows = new float[3][features];
    for (int feature = 0; feature < features; feature++) {
      named.add(new MonitoringManifests.Feature("f" + feature, 1));
      for (int row = 0; row < rows.length; row++) {
        rows[row][feature] = row;
      }
    }
    return MonitoringPlan.of(
        MonitoringManifests.fromReference(
            "input", named, rows, "score", new float[] {0, 0.1f, 0.2f}, 0.5));
  }

  private static DesiredSlot order() {
    return new DesiredSlot(
        MODEL.slot(),
        1,
        MODEL.version(),
        MODEL.manifest(),
        MODEL.manifest(),
        URI.create("http://127.0.0.1"),
        Optional.empty(),
        new SamplingRates(0, 0),
        Duration.ofMillis(WINDOW),
        1,
        Duration.ofSeconds(1));
  }

  private boolean keep(RecordStream stream, Record record) {
    windows.add(record.getWindow());
    memory.since.add(record);
    return true;
  }

  private void predict(int times) {
    for (int i = 0; i < times; i++) {
      observer.predicted(
          new Prediction(
              new PredictionId("%026d".formatted(ids++)),
              "",
              MODEL,
              List.of(Tensor.ofFloats("input", List.of(1L, 2L), i % 3, i == 0 ? Float.NaN : 1)),
              List.of(Tensor.ofFloats("score", List.of(1L, 1L), 0.1f)),
              now,
              1_000_000));
    }
  }

  private void pass(long millis) {
    now = now.plusMillis(millis);
    observer.tick();
  }

  @Test
  void goesOnWithTheWindowAsIfNothingHadHappened() throws MalformedDocumentException {
    predict(20);
    pass(1000);
    restart(2);
    predict(10);
    pass(1000);
    restart(2);
    predict(3);
    pass(2 * WINDOW);
    Window counted = windows.getFirst();

    windows.clear();
    memory.content = Optional.empty();
    now = Instant.ofEpochMilli(100 * WINDOW);
    restart(2);
    predict(20);
    predict(10);
    predict(3);
    pass(2 * WINDOW);

    assertThat(windows).hasSize(1);
    assertThat(counted.getPredictions()).isEqualTo(33);
    // Nobody knows after a restart which values came last: one repeated value each is not told.
    assertThat(WindowCodec.read(plan(2).layout(), counted).total(0)).isEqualTo(33);
    assertThat(counted.getAnomalous()).isEqualTo(windows.getFirst().getAnomalous());
    assertThat(counted.getAnomaliesCount()).isEqualTo(windows.getFirst().getAnomaliesCount());
    assertThat(counted.getStartMillis()).isEqualTo(windows.getFirst().getStartMillis());
    assertThat(counted.getEndMillis()).isEqualTo(windows.getFirst().getEndMillis());
  }

  @Test
  void doesNotSendAgainWhatARecordCounts() throws MalformedDocumentException {
    predict(5);
    pass(1000);
    byte[] before = memory.content.orElseThrow();
    pass(WINDOW);
    // The process dies between the record and the checkpoint behind it.
    memory.content = Optional.of(before);
    memory.since = new ArrayList<>();
    windows.forEach(window -> memory.since.add(Record.newBuilder().setWindow(window).build()));
    restart(2);
    pass(2 * WINDOW);

    assertThat(windows).extracting(Window::getPredictions).containsExactly(5L);
  }

  @Test
  void sendsTheWindowOfAVersionThatDoesNotRunWhenItIsOver() throws MalformedDocumentException {
    predict(5);
    pass(1000);
    restart(0);
    pass(1000);
    assertThat(windows).isEmpty();
    pass(WINDOW);

    assertThat(windows).extracting(Window::getPredictions).containsExactly(5L);
    restart(0);
    pass(WINDOW);
    assertThat(windows).hasSize(1);
  }

  @Test
  void keepsItWhileItsVersionIsYetToStart() throws MalformedDocumentException {
    predict(5);
    pass(1000);
    restart(0);
    pass(1000);
    restart(0);
    pass(1000);
    observer.watch(MODEL, plan(2), order());
    predict(1);
    pass(2 * WINDOW);

    assertThat(windows).extracting(Window::getPredictions).containsExactly(6L);
  }

  @Test
  void sendsAsItWasWhatIsCountedInOtherStreams() throws MalformedDocumentException {
    predict(5);
    pass(1000);
    restart(1);
    pass(1000);

    assertThat(windows).extracting(Window::getPredictions).containsExactly(5L);
    assertThat(WindowCodec.read(plan(2).layout(), windows.getFirst()).total(0)).isEqualTo(5);
  }

  @Test
  void sendsAnEarlierWindowBesideTheOneThatIsOpen() throws MalformedDocumentException {
    predict(5);
    pass(1000);
    memory.known = false;
    restart(2);
    now = now.plusMillis(2 * WINDOW);
    predict(1);
    pass(100);
    memory.known = true;
    pass(1000);
    pass(2 * WINDOW);

    assertThat(windows).extracting(Window::getPredictions).containsExactly(5L, 1L);
  }

  @Test
  void writesWithinASecondWhileItChangesAndNotOtherwise() {
    for (int i = 0; i < 100; i++) {
      predict(1);
      pass(100);
    }
    assertThat(memory.writes).isBetween(10, 12);
    int writes = memory.writes;
    for (int i = 0; i < 100; i++) {
      pass(100);
    }
    assertThat(memory.writes).isLessThanOrEqualTo(writes + 1);
  }

  @Test
  void writesAgainWhateverWasCountedSince() throws Exception {
    predict(1);
    observer.unmirrored(MODEL);
    pass(1000);
    assertThat(standing().getDifferences().getUnmirrored()).isEqualTo(1);

    observer.unmirrored(MODEL);
    pass(1000);
    assertThat(standing().getDifferences().getUnmirrored()).isEqualTo(2);

    observer.failed(
        new FailedPrediction(new PredictionId("%026d".formatted(ids++)), "", MODEL, "failed", now));
    pass(1000);
    assertThat(standing().getPredictionsFailed()).isEqualTo(1);

    predict(2);
    pass(1000);
    assertThat(standing().getPredictions()).isEqualTo(4);
    assertThat(memory.writes).isEqualTo(4);
  }

  private Window standing() throws Exception {
    return RecordBatch.parseFrom(memory.content.orElseThrow()).getRecords(0).getWindow();
  }

  @Test
  void aKeeperWithoutRoomCostsOnlyTheCheckpoint() {
    memory.room = false;
    predict(5);
    pass(1000);
    pass(2 * WINDOW);
    assertThat(windows).extracting(Window::getPredictions).containsExactly(5L);

    memory.room = true;
    pass(1000);
    assertThat(memory.content).isPresent();
  }

  @Test
  void nothingStandsOpenAfterAStop() throws MalformedDocumentException {
    predict(5);
    pass(1000);
    observer.flush();
    restart(2);
    pass(2 * WINDOW);

    assertThat(windows).extracting(Window::getPredictions).containsExactly(5L);
  }

  @Test
  void whatIsNoCheckpointIsDropped() throws MalformedDocumentException {
    memory.content = Optional.of(new byte[] {10, 120});
    restart(2);
    predict(5);
    pass(2 * WINDOW);

    assertThat(windows).extracting(Window::getPredictions).containsExactly(5L);
  }
}
