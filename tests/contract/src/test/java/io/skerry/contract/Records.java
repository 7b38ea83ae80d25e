package io.skerry.contract;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.RecordStream;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/** Windows and outcomes as devices send them. */
final class Records {
  static final long WINDOW_MILLIS = 1000;

  private static final int LATENCY_BINS = 32;
  private static final int SCORE_BINS = 64;

  private final Tables tables;
  private final String profile;
  private final Map<Long, Long> sequences = new HashMap<>();
  private final DeviceId device;

  Records(Tables tables, DeviceId device, String profile) {
    this.tables = tables;
    this.device = device;
    this.profile = profile;
  }

  /**
   * What a device counted.
   *
   * @param latencyBin that all its predictions fell into
   * @param scoreBin likewise
   * @param fold neighbouring bins that it added up to save bytes
   */
  record Counted(
      long version, int predictions, int failed, int latencyBin, int scoreBin, int fold) {
    static Counted of(long version, int predictions) {
      return new Counted(version, predictions, 0, 10, 40, 1);
    }

    Counted failing(int some) {
      return new Counted(version, predictions, some, latencyBin, scoreBin, fold);
    }

    Counted taking(int bin) {
      return new Counted(version, predictions, failed, bin, scoreBin, fold);
    }

    Counted scoring(int bin) {
      return new Counted(version, predictions, failed, latencyBin, bin, fold);
    }

    Counted folding(int by) {
      return new Counted(version, predictions, failed, latencyBin, scoreBin, by);
    }
  }

  /** The first whole window that begins at this time, or after it. */
  static Instant beginning(Instant from) {
    // Windows begin with a millisecond, and the fleet's time has parts of it.
    long next = from.plusNanos(999_999).toEpochMilli();
    return Instant.ofEpochMilli(Math.ceilDiv(next, WINDOW_MILLIS) * WINDOW_MILLIS);
  }

  /** A window that begins when one does. */
  Record window(Instant start, Counted counted) {
    return window(start, counted, 0);
  }

  Record window(Instant start, Counted counted, long residentBytes) {
    long end = start.toEpochMilli() + WINDOW_MILLIS;
    if (counted.fold() > 1) {
      return Record.newBuilder().setWindow(folded(start.toEpochMilli(), end, counted)).build();
    }
    long answered = (long) counted.predictions() - counted.failed();
    Window.Builder window =
        Window.newBuilder()
            .setModel(model(counted.version()))
            .setWindow(end / WINDOW_MILLIS - 1)
            .setStartMillis(start.toEpochMilli())
            .setEndMillis(end)
            .setPredictions(counted.predictions())
            .setPredictionsFailed(counted.failed())
            .setResidentBytes(residentBytes)
            .addStreams(
                stream(MonitoringPlan.LATENCY, LATENCY_BINS, counted.latencyBin(), answered));
    if (counted.version() != Tables.AMOUNT) {
      window.addStreams(stream(MonitoringPlan.SCORE, SCORE_BINS, counted.scoreBin(), answered));
    }
    return Record.newBuilder().setWindow(window).build();
  }

  // As a device counts and packs it.
  private Window.Builder folded(long start, long end, Counted counted) {
    WindowSketch sketch = new WindowSketch(plan(counted.version()));
    float[] view = new float[sketch.plan().featureCount()];
    float score = (counted.scoreBin() + .5f) / SCORE_BINS;
    for (int i = 0; i < counted.predictions(); i++) {
      sketch.observe(view, score, 0, Math.round(Math.ceil(Math.pow(2, counted.latencyBin() / 2.))));
    }
    return sketch.seal(
        model(counted.version()),
        end / WINDOW_MILLIS - 1,
        start,
        end,
        new Degradation(1, counted.fold(), 8));
  }

  private static MonitoringPlan plan(long version) {
    try {
      return MonitoringPlan.of(Tables.monitoring(version));
    } catch (MalformedDocumentException e) {
      throw new AssertionError(e);
    }
  }

  private static StreamCounts stream(String name, int bins, int at, long count) {
    return StreamCounts.newBuilder()
        .setStream(name)
        .addAllCounts(LongStream.range(0, bins).map(bin -> bin == at ? count : 0).boxed().toList())
        .build();
  }

  /** The same of the version that is on trial beside the active one. */
  Record onTrial(Record window) {
    Window of = window.getWindow();
    ModelRef beside = of.getModel().toBuilder().setSlot(of.getModel().getSlot() + "-trial").build();
    return window.toBuilder().setWindow(of.toBuilder().setModel(beside)).build();
  }

  /** The same of another model in the slot. */
  Record ofAnotherModel(Record window) {
    Window of = window.getWindow();
    ModelRef other = tables.secondModel(of.getModel().getVersion(), profile);
    return window.toBuilder().setWindow(of.toBuilder().setModel(other)).build();
  }

  /** What became true of a prediction. */
  Record outcome(Instant at, long version, double score, double actual) {
    return Record.newBuilder()
        .setFeedback(
            Feedback.newBuilder()
                .setPredictionId("01ARZ3NDEKTSV4RRFFQ69G5FAV")
                .setJoined(true)
                .setModel(model(version))
                .setScore(score)
                .setActual(actual)
                .setPredictedAtMillis(at.toEpochMilli())
                .setOutcomeAtMillis(at.plus(Duration.ofMillis(1)).toEpochMilli()))
        .build();
  }

  private ModelRef model(long version) {
    return tables.model(version, profile);
  }

  /** They come in one batch, of one boot. */
  RecordBatch stored(long epoch, List<Record> records) {
    RecordStream stream =
        records.getFirst().hasWindow() ? RecordStream.WINDOWS : RecordStream.FEEDBACK;
    RecordBatch batch = batch(epoch, records);
    tables.take(device, stream, List.of(batch));
    return batch;
  }

  /** Of several boots, that come together. */
  void storedTogether(List<RecordBatch> batches) {
    tables.take(device, RecordStream.WINDOWS, batches);
  }

  RecordBatch stored(long epoch, Record... records) {
    return stored(epoch, List.of(records));
  }

  /** A batch that is not stored yet. */
  RecordBatch batch(long epoch, List<Record> records) {
    long key = 2 * epoch + (records.getFirst().hasWindow() ? 1 : 0);
    RecordBatch.Builder batch = RecordBatch.newBuilder().setBootEpoch(epoch);
    for (Record record : records) {
      long sequence = sequences.merge(key, 1L, Long::sum);
      batch.addRecords(record.toBuilder().setSequence(sequence));
    }
    return batch.build();
  }
}
