package io.skerry.control.ingest;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import io.skerry.wire.fleet.v1.StratumSamples;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Checks records and takes them out of their wire form. */
final class RecordReader {
  static final int STREAMS_MAX = 512;
  static final int STRATA_MAX = 16;
  static final int BINS_MAX = 1024;
  static final int TEXT_MAX = 4096;

  /** In UTF-8; an index holds no more than some 2,700 in a row. */
  static final int ID_BYTES_MAX = 1024;

  static final int WINDOW_BYTES_MAX = 1 << 20;

  /** How far a device's clock may be ahead. */
  static final Duration FUTURE_MAX = Duration.ofMinutes(10);

  private static final long WINDOW_MILLIS_MIN = 100;
  private static final long WINDOW_MILLIS_MAX = Duration.ofDays(31).toMillis();
  static final String LATENCY = "$latency";
  private static final String SCORE = "$score";

  private RecordReader() {}

  /** Why a record cannot be stored; nobody can mend it, so it goes to quarantine. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1L;

    Malformed(String message) {
      super(message);
    }
  }

  static void checkKind(RecordStream stream, Record record) throws Malformed {
    RecordStream found =
        switch (record.getBodyCase()) {
          case SAMPLE -> RecordStream.SAMPLES;
          case WINDOW -> RecordStream.WINDOWS;
          case FEEDBACK -> RecordStream.FEEDBACK;
          case EVENT -> RecordStream.EVENTS;
          case BODY_NOT_SET -> throw new Malformed("record has no body that is known here");
        };
    if (found != stream) {
      throw new Malformed("record of %s among %s".formatted(found, stream));
    }
  }

  static StoredWindow window(
      DeviceId device, long bootEpoch, Window window, Instant now, WindowLayouts layouts)
      throws Malformed {
    checkText(window.getModel().getManifestDigest());
    checkTime(window, now);
    try {
      WindowCodec.counted(window);
    } catch (MalformedDocumentException e) {
      throw new Malformed(String.valueOf(e.getMessage()));
    }
    if (window.getStreamsCount() > STREAMS_MAX) {
      throw new Malformed("window has more than %d streams".formatted(STREAMS_MAX));
    }
    if (window.getSerializedSize() > WINDOW_BYTES_MAX) {
      throw new Malformed(
          "window has %d bytes, at most %d"
              .formatted(window.getSerializedSize(), WINDOW_BYTES_MAX));
    }
    Set<String> names = new HashSet<>();
    for (StreamCounts stream : window.getStreamsList()) {
      checkStream(stream, names);
    }
    ModelVersion version = version(window.getModel());
    return new StoredWindow(
        device,
        bootEpoch,
        slot(window.getModel()),
        version,
        window.getModel().getManifestDigest(),
        window.getWindow(),
        windowMillis(window),
        Instant.ofEpochMilli(window.getStartMillis()),
        Instant.ofEpochMilli(window.getEndMillis()),
        window.getPredictions(),
        window.getPredictionsFailed(),
        window.getSkipped(),
        anomalous(window),
        window.getResidentBytes(),
        samplesRefused(window),
        window.toByteString(),
        gated(version, window, layouts));
  }

  // They are found before their predictions are counted, which may be in the window after.
  private static long anomalous(Window window) throws Malformed {
    long anomalous = window.getAnomalous();
    if (anomalous < 0 || anomalous > WindowCodec.PREDICTIONS_MAX) {
      throw new Malformed(
          "window %d counts %s anomalous inputs, at most %d"
              .formatted(
                  window.getWindow(),
                  Long.toUnsignedString(anomalous),
                  WindowCodec.PREDICTIONS_MAX));
    }
    return anomalous;
  }

  private static Map<String, Long> samplesRefused(Window window) throws Malformed {
    Map<String, Long> refused = new HashMap<>();
    for (StratumSamples of : window.getSamplesRefusedList()) {
      checkText(of.getStratum());
      boolean possible = of.getSamples() >= 0 && of.getSamples() <= WindowCodec.PREDICTIONS_MAX;
      if (!possible
          || refused.size() == STRATA_MAX
          || refused.put(of.getStratum(), of.getSamples()) != null) {
        throw new Malformed(
            "samples refused of stratum '%s' are %s, come twice, or are of more than %d strata"
                .formatted(of.getStratum(), Long.toUnsignedString(of.getSamples()), STRATA_MAX));
      }
    }
    return refused;
  }

  /**
   * Checks counts and sums against the artifact that they are of; tells the streams that gates
   * read.
   */
  private static Map<String, RecordsStoring.Counts> gated(
      ModelVersion version, Window window, WindowLayouts layouts) throws Malformed {
    Map<String, RecordsStoring.Counts> gated = new HashMap<>();
    try {
      WindowCounts counts = layouts.counts(version, window);
      layouts.coMoments(version, window);
      for (String name : List.of(LATENCY, SCORE, MonitoringPlan.CONFIDENCE, MonitoringPlan.CLASS)) {
        int stream = counts.layout().indexOf(name);
        if (stream >= 0 && counts.has(stream)) {
          gated.put(name, new RecordsStoring.Counts(counts.counts(stream), counts.fold(stream)));
        }
      }
      return gated;
    } catch (MalformedDocumentException e) {
      throw new Malformed(String.valueOf(e.getMessage()));
    }
  }

  private static long windowMillis(Window window) {
    return window.getEndMillis() / (window.getWindow() + 1);
  }

  // The index is the end divided by the length, less one, on every device.
  private static void checkTime(Window window, Instant now) throws Malformed {
    long index = window.getWindow();
    long end = window.getEndMillis();
    if (index < 0 || end <= 0 || end % (index + 1) != 0) {
      throw new Malformed("window %d cannot end at %d ms".formatted(index, end));
    }
    long millis = windowMillis(window);
    if (millis < WINDOW_MILLIS_MIN || millis > WINDOW_MILLIS_MAX) {
      throw new Malformed(
          "window %d is %d ms long, not 100 ms to 31 days".formatted(index, millis));
    }
    // Several windows can come as one, under the index of the last.
    long start = window.getStartMillis();
    long windowsMax = Degradation.windowsMax(millis);
    if (start < 0 || start >= end || start % millis != 0 || (end - start) / millis > windowsMax) {
      throw new Malformed(
          "window %d from %d to %d ms is not 1 to %d whole lengths of %d ms"
              .formatted(index, start, end, windowsMax, millis));
    }
    Instant latest = now.plus(FUTURE_MAX);
    if (end > latest.toEpochMilli()) {
      throw new Malformed(
          "window ends at %s, more than %d minutes in the future: the device's clock is wrong"
              .formatted(Instant.ofEpochMilli(end), FUTURE_MAX.toMinutes()));
    }
  }

  private static void checkStream(StreamCounts stream, Set<String> names) throws Malformed {
    checkText(stream.getStream());
    if (!names.add(stream.getStream()) || stream.getCountsCount() > BINS_MAX) {
      throw new Malformed(
          "stream '%s' comes twice or has more than %d bins"
              .formatted(stream.getStream(), BINS_MAX));
    }
    for (int bin = 0; bin < stream.getCountsCount(); bin++) {
      if (stream.getCounts(bin) < 0 || stream.getCounts(bin) > WindowCodec.PREDICTIONS_MAX) {
        throw new Malformed(
            "stream '%s' counts %s values in a bin, at most %d"
                .formatted(
                    stream.getStream(),
                    Long.toUnsignedString(stream.getCounts(bin)),
                    WindowCodec.PREDICTIONS_MAX));
      }
    }
  }

  static StoredFeedback feedback(
      DeviceId device, Feedback feedback, Instant now, WindowLayouts layouts) throws Malformed {
    checkPrediction(feedback.getPredictionId());
    checkText(feedback.getClientId());
    if (!Double.isFinite(feedback.getActual()) || !Double.isFinite(feedback.getScore())) {
      throw new Malformed("feedback's numbers are not finite");
    }
    checkMoment("its outcome", feedback.getOutcomeAtMillis(), now);
    if (feedback.getJoined()) {
      checkMoment("its prediction", feedback.getPredictedAtMillis(), now);
    }
    Optional<StoredFeedback.Prediction> prediction =
        feedback.getJoined() ? Optional.of(prediction(feedback, layouts)) : Optional.empty();
    if (prediction.isPresent()) {
      checkOutcome(feedback, prediction.get().version(), layouts);
    }
    return new StoredFeedback(
        device,
        feedback.getPredictionId(),
        feedback.getActual(),
        Instant.ofEpochMilli(feedback.getOutcomeAtMillis()),
        prediction);
  }

  private static void checkOutcome(Feedback feedback, ModelVersion version, WindowLayouts layouts)
      throws Malformed {
    Optional<MonitoringPlan> reading =
        layouts.reading(version, feedback.getModel()).filter(plan -> !plan.isAmount());
    if (reading.isPresent()) {
      Optional<String> wrong =
          Outcomes.otherThan(reading.get().classCount(), feedback.getActual(), version.toString());
      if (wrong.isPresent()) {
        throw new Malformed("feedback's " + wrong.get());
      }
    }
  }

  private static StoredFeedback.Prediction prediction(Feedback feedback, WindowLayouts layouts)
      throws Malformed {
    ModelVersion version = version(feedback.getModel());
    checkArtifact("feedback", version, feedback.getModel(), layouts);
    Answer answer = Answer.ofScore(Optional.of(feedback.getScore()));
    Optional<MonitoringPlan> classes =
        layouts.reading(version, feedback.getModel()).filter(MonitoringPlan::hasClasses);
    if (classes.isPresent()) {
      int count = classes.get().classCount();
      int predicted = feedback.getPredictedClass();
      if (predicted < 0 || predicted >= count) {
        throw new Malformed(
            "feedback's predicted class %s is none of the %d classes of %s"
                .formatted(Integer.toUnsignedString(predicted), count, version));
      }
      answer = Answer.ofClass(predicted, feedback.getScore(), count);
    }
    return new StoredFeedback.Prediction(
        slot(feedback.getModel()),
        version,
        answer.score(),
        answer.predictedClass(),
        Instant.ofEpochMilli(feedback.getPredictedAtMillis()));
  }

  static void checkSample(Sample sample, WindowLayouts layouts) throws Malformed {
    checkPrediction(sample.getPredictionId());
    checkText(sample.getClientId());
    checkText(sample.getStratum());
    checkArtifact("sample", version(sample.getModel()), sample.getModel(), layouts);
    slot(sample.getModel());
    if (sample.getInputsCount() == 0 || sample.getOutputsCount() == 0) {
      throw new Malformed("sample lacks its input or its output");
    }
    double probability = sample.getInclusionProbability();
    if (!(probability >= SamplingRates.PROBABILITY_MIN && probability <= 1)) {
      throw new Malformed(
          "inclusion probability %s is outside %s to 1"
              .formatted(probability, SamplingRates.PROBABILITY_MIN));
    }
  }

  private static void checkArtifact(
      String what, ModelVersion version, ModelRef model, WindowLayouts layouts) throws Malformed {
    checkText(model.getManifestDigest());
    try {
      layouts.check(what, version, model);
    } catch (MalformedDocumentException e) {
      throw new Malformed(String.valueOf(e.getMessage()));
    }
  }

  static void checkMoment(String what, long atMillis, Instant now) throws Malformed {
    if (atMillis < 0 || atMillis > now.plus(FUTURE_MAX).toEpochMilli()) {
      throw new Malformed(
          "%s is of %s, before 1970 or more than %d minutes in the future: a clock is wrong, or the time is not in milliseconds"
              .formatted(what, Instant.ofEpochMilli(atMillis), FUTURE_MAX.toMinutes()));
    }
  }

  static ModelVersion version(ModelRef model) throws Malformed {
    try {
      return new ModelVersion(new ModelName(model.getModel()), model.getVersion());
    } catch (IllegalArgumentException e) {
      throw new Malformed(String.valueOf(e.getMessage()));
    }
  }

  static SlotId slot(ModelRef model) throws Malformed {
    try {
      return new SlotId(model.getSlot());
    } catch (IllegalArgumentException e) {
      throw new Malformed(String.valueOf(e.getMessage()));
    }
  }

  private static void checkPrediction(String id) throws Malformed {
    checkText(id);
    if (!fitsAnIndex(id)) {
      throw new Malformed("its prediction id is longer than %d bytes".formatted(ID_BYTES_MAX));
    }
  }

  static boolean fitsAnIndex(String id) {
    return id.getBytes(StandardCharsets.UTF_8).length <= ID_BYTES_MAX;
  }

  static void checkText(String text) throws Malformed {
    if (text.length() > TEXT_MAX || text.indexOf('\0') >= 0) {
      throw new Malformed("a text is longer than %d or holds the character 0".formatted(TEXT_MAX));
    }
  }
}
