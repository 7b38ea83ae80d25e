package io.skerry.control.ingest;

import com.google.gson.Gson;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.TenantId;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Rows of one transaction, gathered by table and inserted together. */
final class RecordRows {
  private static final Gson GSON = new Gson();

  private final List<@Nullable Object[]> windows = new ArrayList<>();
  private final List<@Nullable Object[]> streams = new ArrayList<>();
  private final List<@Nullable Object[]> feedback = new ArrayList<>();
  private final List<@Nullable Object[]> samples = new ArrayList<>();
  private final List<@Nullable Object[]> predictions = new ArrayList<>();
  private final List<@Nullable Object[]> events = new ArrayList<>();
  private final Set<Tracks.Track> seen = new HashSet<>();
  private final List<RecordsStoring.Window> told = new ArrayList<>();
  private final List<StoredFeedback> outcomes = new ArrayList<>();
  private final Instant now;
  private final SealedSample seals;
  private final TenantKeys keys;
  private final WindowLayouts layouts;
  private final IngestConfig config;
  private final Tracks tracks;
  private final ErasedRecords erased;

  RecordRows(
      Instant now,
      SealedSample seals,
      TenantKeys keys,
      WindowLayouts layouts,
      IngestConfig config,
      Tracks tracks,
      ErasedRecords erased) {
    this.erased = erased;
    this.tracks = tracks;
    this.now = now;
    this.config = config;
    this.layouts = layouts;
    this.seals = seals;
    this.keys = keys;
  }

  void add(TenantId tenant, DeviceId device, long epoch, Record record)
      throws RecordReader.Malformed {
    if (erased.takes(device.value(), record)) {
      return;
    }
    switch (record.getBodyCase()) {
      case WINDOW ->
          addWindow(
              epoch,
              record.getSequence(),
              RecordReader.window(device, epoch, record.getWindow(), now, layouts));
      case FEEDBACK -> addFeedback(tenant, device, epoch, record);
      case SAMPLE -> addSample(tenant, device, epoch, record);
      case EVENT -> addEvent(device, epoch, record);
      case BODY_NOT_SET -> throw new RecordReader.Malformed("record has no body");
    }
  }

  private void addWindow(long epoch, long sequence, StoredWindow window)
      throws RecordReader.Malformed {
    String device = window.device().value();
    String model = window.version().model().value();
    // Gates need windows of a minute; drift is judged by spans that know the day's course.
    long judgedMillis = config.judgedMillis(window.windowMillis());
    Tracks.Track track = new Tracks.Track(window.slot().value(), model, judgedMillis);
    tracks.admit(track);
    seen.add(track);
    windows.add(
        new @Nullable Object[] {
          device,
          epoch,
          sequence,
          window.slot().value(),
          model,
          window.version().version(),
          window.manifest(),
          (window.end().toEpochMilli() - 1) / judgedMillis,
          judgedMillis,
          window.windowMillis(),
          window.start(),
          window.end(),
          window.predictions(),
          window.predictionsFailed(),
          window.skipped(),
          window.anomalous(),
          GSON.toJson(window.samplesRefused()),
          window.record().toByteArray()
        });
    // Others are judged as they come; latencies also say later what was usual before.
    RecordsStoring.Counts latencies = window.gated().get(RecordReader.LATENCY);
    if (latencies != null) {
      streams.add(
          new @Nullable Object[] {
            device,
            epoch,
            sequence,
            window.slot().value(),
            model,
            window.version().version(),
            window.index(),
            RecordReader.LATENCY,
            latencies.bins().stream().mapToLong(Long::longValue).toArray(),
            latencies.fold()
          });
    }
    told.add(
        new RecordsStoring.Window(
            window.device(),
            window.bootEpoch(),
            window.slot(),
            window.version(),
            window.manifest(),
            window.start(),
            window.predictions(),
            window.predictionsFailed(),
            window.residentBytes(),
            window.gated()));
  }

  // Whoever it is of is never stored: a pseudonym finds it again.
  private String subject(TenantId tenant, String clientId) {
    return clientId.isEmpty() ? "" : keys.pseudonym(tenant, clientId);
  }

  private void addFeedback(TenantId tenant, DeviceId device, long epoch, Record record)
      throws RecordReader.Malformed {
    Feedback wire = record.getFeedback();
    StoredFeedback stored = RecordReader.feedback(device, wire, now, layouts);
    outcomes.add(stored);
    Optional<StoredFeedback.Prediction> prediction = stored.prediction();
    String subject = subject(tenant, wire.getClientId());
    @Nullable Object[] row =
        new @Nullable Object[] {
          device.value(),
          epoch,
          record.getSequence(),
          stored.predictionId(),
          subject,
          prediction.map(joined -> joined.slot().value()).orElse(""),
          prediction.map(joined -> joined.version().model().value()).orElse(""),
          prediction.map(joined -> joined.version().version()).orElse(0L),
          stored.actual(),
          prediction.isPresent(),
          prediction.flatMap(StoredFeedback.Prediction::score).orElse(null),
          prediction.map(RecordRows::predictedClass).orElse(null),
          prediction
              .filter(joined -> joined.predictedClass().isPresent())
              .map(joined -> wire.getScore())
              .orElse(null),
          prediction.map(StoredFeedback.Prediction::at).orElse(null),
          stored.outcomeAt(),
          prediction.isPresent()
        };
    feedback.add(row);
    erased.of(subject, record, row, stored);
  }

  private static @Nullable Integer predictedClass(StoredFeedback.Prediction prediction) {
    return prediction.predictedClass().isPresent() ? prediction.predictedClass().getAsInt() : null;
  }

  private void addSample(TenantId tenant, DeviceId device, long epoch, Record record)
      throws RecordReader.Malformed {
    Sample sample = record.getSample();
    RecordReader.checkSample(sample, layouts);
    RecordReader.checkMoment("it", record.getAtMillis(), now);
    String subject = subject(tenant, sample.getClientId());
    Instant at = Instant.ofEpochMilli(record.getAtMillis());
    String slot = RecordReader.slot(sample.getModel()).value();
    ModelVersion version = RecordReader.version(sample.getModel());
    String model = version.model().value();
    Optional<MonitoringPlan> reading = layouts.reading(version, sample.getModel());
    Answer answer = Answer.of(reading, sample.getOutputsList());
    @Nullable Object[] row =
        new @Nullable Object[] {
          device.value(),
          epoch,
          record.getSequence(),
          tenant.value(),
          sample.getPredictionId(),
          subject,
          slot,
          model,
          sample.getModel().getVersion(),
          at,
          sample.getInclusionProbability(),
          sample.getStratum(),
          seals.seal(
              new SealedSample.Name(tenant, device.value(), epoch, record.getSequence()), sample)
        };
    @Nullable Object[] predicted =
        new @Nullable Object[] {
          device.value(),
          sample.getPredictionId(),
          subject,
          slot,
          model,
          sample.getModel().getVersion(),
          at,
          answer.score().orElse(null),
          answer.storedClass(),
          answer.confidence().orElse(null),
          reading.filter(plan -> !plan.isAmount()).map(MonitoringPlan::classCount).orElse(null),
          sample.getStratum(),
          sample.getInclusionProbability()
        };
    samples.add(row);
    predictions.add(predicted);
    erased.of(subject, record, row, predicted);
  }

  private void addEvent(DeviceId device, long epoch, Record record) throws RecordReader.Malformed {
    Event event = record.getEvent();
    RecordReader.checkMoment("it", record.getAtMillis(), now);
    RecordReader.checkText(event.getCode());
    RecordReader.checkText(event.getDetail());
    for (var attribute : event.getAttributesMap().entrySet()) {
      RecordReader.checkText(attribute.getKey());
      RecordReader.checkText(attribute.getValue());
    }
    events.add(
        new @Nullable Object[] {
          device.value(),
          epoch,
          record.getSequence(),
          Instant.ofEpochMilli(record.getAtMillis()),
          event.getCode(),
          event.getDetail(),
          GSON.toJson(event.getAttributesMap())
        });
  }

  RecordsStoring storing(Transaction transaction) {
    return new RecordsStoring(transaction, told, outcomes);
  }

  void insert(Transaction transaction) {
    Set<Object> dropped = erased.dropped(transaction);
    if (!dropped.isEmpty()) {
      feedback.removeIf(dropped::contains);
      outcomes.removeIf(dropped::contains);
      samples.removeIf(dropped::contains);
      predictions.removeIf(dropped::contains);
    }
    Counters.add(transaction, "erased", erased.count());
    Tracks.hold(transaction, seen);
    transaction.batch(
        """
        insert into telemetry_window_stream (device, boot_epoch, sequence, slot, model, version,
          window_index, stream, counts, fold)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        streams);
    transaction.batch(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject, slot,
          model, version, actual, joined, score, predicted_class, confidence, predicted_at,
          outcome_at, received_at, joined_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now(),
          case when ? then clock_timestamp() end)
        """,
        feedback);
    transaction.batch(
        """
        insert into telemetry_sample (device, boot_epoch, sequence, tenant, prediction_id, subject,
          slot, model, version, at, inclusion_probability, stratum, sealed)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        samples);
    transaction.batch(
        """
        insert into telemetry_prediction (device, prediction_id, subject, slot, model, version, at,
          score, predicted_class, confidence, classes, stratum, inclusion_probability)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict do nothing
        """,
        predictions);
    transaction.batch(
        """
        insert into telemetry_event (device, boot_epoch, sequence, at, code, detail, attributes,
          received_at)
        values (?, ?, ?, ?, ?, ?, ?::jsonb, now())
        """,
        events);
    if (!windows.isEmpty()) {
      Receiving.hold(transaction);
    }
    // Last, and as of the clock: who judges meanwhile reads what was received before we began.
    transaction.batch(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, window_millis, told_millis, start_at, end_at, predictions,
          predictions_failed, skipped, anomalous, samples_refused, record, received_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, clock_timestamp())
        """,
        windows);
    Counters.add(transaction, "windows", windows.size());
    Counters.add(transaction, "feedback", feedback.size());
    Counters.add(transaction, "samples", samples.size());
    Counters.add(transaction, "events", events.size());
  }
}
