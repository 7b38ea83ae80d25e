package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.serve.Feedback;
import io.skerry.agent.serve.FeedbackSink.Receipt;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.LineUpkeep;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowBudget;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.artifact.v1.Budget;
import io.skerry.wire.fleet.v1.Record;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a device sends in a day besides samples. */
class ObserverDayTest {
  private static final ModelRef MODEL =
      new ModelRef(
          new SlotId("main"),
          new ModelVersion(new ModelName("engine-health"), 3),
          Digest.of(new byte[] {3}));
  private static final Duration HOUR = Duration.ofHours(1);
  private static final int PER_DAY = 40_000;

  private final Map<RecordStream, List<Record>> kept = new EnumMap<>(RecordStream.class);
  private final Map<RecordStream, Integer> leftOut = new EnumMap<>(RecordStream.class);
  private Instant now = Instant.EPOCH;

  private final class Keeper implements Observer.RecordKeeper {
    @Override
    public boolean keep(RecordStream stream, Record record) {
      return kept.computeIfAbsent(stream, missing -> new ArrayList<>()).add(record);
    }

    @Override
    public void leaveOut(RecordStream stream, Record record) {
      leftOut.merge(stream, 1, Integer::sum);
    }
  }

  private Observer observer(DayBytes days, Budget budget) throws MalformedDocumentException {
    Observer observer =
        new Observer(
            () -> now, 16, 16, new Keeper(), new byte[32], days, () -> 0, OpenWindowKeeper.NONE);
    watch(observer, MODEL, budget);
    return observer;
  }

  private static void watch(Observer observer, ModelRef model, Budget budget)
      throws MalformedDocumentException {
    observer.watch(
        model,
        MonitoringPlan.of(
            MonitoringManifests.fromReference(
                    "input",
                    List.of(new MonitoringManifests.Feature("a", 0)),
                    new float[][] {{1}, {2}, {3}},
                    "score",
                    new float[] {0, 0.1f, 0.2f},
                    0.5)
                .toBuilder()
                .setBudget(budget)
                .build()),
        new DesiredSlot(
            model.slot(),
            1,
            model.version(),
            model.manifest(),
            model.manifest(),
            URI.create("http://127.0.0.1"),
            Optional.empty(),
            new SamplingRates(0, 0),
            HOUR,
            1,
            Duration.ofSeconds(1)));
  }

  private static Budget windows(long bytes) {
    return Budget.newBuilder().setWindowBytes(bytes).build();
  }

  private Receipt tell(Observer observer, int outcome) {
    return observer.submit(new Feedback("%026d".formatted(outcome), "", 1, now));
  }

  private boolean event(Observer observer, String code) {
    return observer.event(
        TelemetryRecords.event(now, code, "x".repeat(3000), Map.of("slot", "main")));
  }

  private long bytes(RecordStream stream) {
    return records(stream).mapToLong(one -> one.getSerializedSize() + 260L).sum();
  }

  private Stream<Record> records(RecordStream stream) {
    return kept.getOrDefault(stream, List.of()).stream();
  }

  @Test
  void refusesOutcomesBeyondTheirPartCountsThemAndTellsOnce() throws MalformedDocumentException {
    Observer observer = observer(DayBytes.forgetful(), windows(PER_DAY));

    List<Receipt> receipts = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      receipts.add(tell(observer, i));
    }

    assertThat(bytes(RecordStream.FEEDBACK)).isBetween(PER_DAY / 4 - 1000L, PER_DAY / 4L);
    assertThat(receipts).endsWith(Receipt.DAY_FULL).startsWith(Receipt.TAKEN);
    assertThat(leftOut.get(RecordStream.FEEDBACK))
        .isEqualTo(200 - records(RecordStream.FEEDBACK).count());
    assertThat(records(RecordStream.EVENTS))
        .singleElement()
        .satisfies(
            told -> {
              assertThat(told.getEvent().getCode()).isEqualTo("OUTCOME_BYTES_USED_UP");
              assertThat(told.getEvent().getDetail()).contains("10000 bytes", "outcomeBytesPerDay");
            });
    now = now.plus(Duration.ofDays(1));
    assertThat(tell(observer, 1)).isEqualTo(Receipt.TAKEN);
  }

  @Test
  void givesOutcomesBytesOfTheirOwn() throws MalformedDocumentException {
    Observer observer =
        observer(
            DayBytes.forgetful(),
            Budget.newBuilder().setWindowBytes(1000).setOutcomeBytes(PER_DAY).build());

    for (int i = 0; i < 200; i++) {
      tell(observer, i);
    }

    assertThat(bytes(RecordStream.FEEDBACK)).isBetween(PER_DAY - 1000L, (long) PER_DAY);
  }

  /** Each is there in numbers that alone would take the whole day. */
  @Test
  void staysWithinTheDayWithWindowsOutcomesAndEventsTogether() throws MalformedDocumentException {
    int perDay = 12_000;
    Observer observer = observer(DayBytes.forgetful(), windows(perDay));
    for (int hour = 0; hour < 24; hour++) {
      observer.count(MODEL, now.toEpochMilli(), 64, new float[64], new float[64], new long[64]);
      for (int i = 0; i < 4; i++) {
        tell(observer, i);
        event(observer, "STORAGE_FULL");
      }
      now = now.plus(HOUR).plusMillis(200);
      observer.tick();
      now = now.minusMillis(200);
    }

    long sent =
        bytes(RecordStream.WINDOWS) + bytes(RecordStream.FEEDBACK) + bytes(RecordStream.EVENTS);
    assertThat(sent + LineUpkeep.of(perDay).bytesPerDay())
        .isBetween(perDay * 3L / 4, (long) perDay);
    assertThat(bytes(RecordStream.EVENTS)).isLessThanOrEqualTo(perDay / 4);
    assertThat(bytes(RecordStream.FEEDBACK)).isLessThanOrEqualTo(perDay / 4);
    // Windows are told less often, and nothing of them is lost.
    now = now.plus(Duration.ofHours(12));
    observer.count(MODEL, now.toEpochMilli(), 1, new float[1], new float[1], new long[1]);
    observer.flush();
    assertThat(records(RecordStream.WINDOWS).mapToLong(one -> one.getWindow().getPredictions()))
        .satisfies(
            all ->
                assertThat(all.stream().mapToLong(Long::longValue).sum()).isEqualTo(24 * 64 + 1));
    assertThat(leftOut).containsKeys(RecordStream.FEEDBACK, RecordStream.EVENTS);
  }

  @Test
  void leavesAnotherFaultItsRoomWhereOneRepeats() throws MalformedDocumentException {
    Observer observer = observer(DayBytes.forgetful(), windows(PER_DAY));
    int told = 0;
    while (event(observer, "SESSION_TAKEN_OVER")) {
      told++;
    }

    assertThat(told).isBetween(2, PER_DAY / 8 / WindowBudget.OVERHEAD_BYTES);
    assertThat(event(observer, "COMMITTED")).isTrue();
    assertThat(event(observer, "COMMITTED")).isFalse();
    assertThat(leftOut.get(RecordStream.EVENTS)).isEqualTo(2);
    assertThat(records(RecordStream.EVENTS))
        .allSatisfy(one -> assertThat(one.getEvent().getDetail()).hasSize(SmallRecords.DETAIL_MAX));
  }

  @Test
  void takesMoreNewsThanItTellsApartForRepetitions() throws MalformedDocumentException {
    Observer observer = observer(DayBytes.forgetful(), windows(1_000_000));
    for (int i = 0; i < SmallRecords.NEWS_MAX; i++) {
      assertThat(event(observer, "CODE_" + i)).isTrue();
    }
    int more = 0;
    while (event(observer, "MORE_" + more)) {
      more++;
    }

    assertThat(bytes(RecordStream.EVENTS)).isBetween(1_000_000 / 8 - 2000L, 1_000_000 / 8L);
  }

  @Test
  void hasOneDaysPartsHoweverOftenItStarts(@TempDir Path folder) throws MalformedDocumentException {
    for (int start = 0; start < 5; start++) {
      Observer observer = observer(DayBytes.open(Disk.local(), folder), windows(PER_DAY));
      for (int i = 0; i < 200; i++) {
        tell(observer, i);
        event(observer, "CODE_" + i);
      }
    }

    assertThat(bytes(RecordStream.FEEDBACK)).isLessThanOrEqualTo(PER_DAY / 4);
    assertThat(bytes(RecordStream.EVENTS)).isLessThanOrEqualTo(PER_DAY / 4);
  }

  @Test
  void goesOnAfterARestartOnTheDayThatItFirstCounts(@TempDir Path folder)
      throws MalformedDocumentException {
    now = now.plus(HOUR.multipliedBy(15));
    for (int start = 0; start < 3; start++) {
      Observer observer = observer(DayBytes.open(Disk.local(), folder), windows(PER_DAY));

      assertThat(event(observer, "CODE_" + start)).isTrue();
      assertThat(tell(observer, start)).isEqualTo(Receipt.TAKEN);
    }
  }

  @Test
  void hasNoLimitForOutcomesWhileAModelWithoutABudgetIsThere() throws MalformedDocumentException {
    Observer observer =
        observer(
            DayBytes.forgetful(),
            Budget.newBuilder().setWindowBytes(PER_DAY).setOutcomeBytes(1000).build());
    watch(
        observer,
        new ModelRef(
            new SlotId("other"),
            new ModelVersion(new ModelName("pump-health"), 1),
            Digest.of(new byte[] {4})),
        Budget.getDefaultInstance());

    for (int i = 0; i < 200; i++) {
      assertThat(tell(observer, i)).isEqualTo(Receipt.TAKEN);
    }
  }

  @Test
  void keepsEverythingWithoutALimit() throws MalformedDocumentException {
    Observer observer = observer(DayBytes.forgetful(), Budget.getDefaultInstance());
    for (int i = 0; i < 2000; i++) {
      assertThat(tell(observer, i)).isEqualTo(Receipt.TAKEN);
      assertThat(event(observer, "CODE")).isTrue();
    }

    assertThat(leftOut).isEmpty();
    assertThat(records(RecordStream.EVENTS))
        .allSatisfy(one -> assertThat(one.getEvent().getDetail()).hasSize(3000));
  }
}
