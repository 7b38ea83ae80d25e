package io.skerry.control.ingest;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SlotId;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Checks records and takes them out of their wire form. */
final class RecordReader {
  static final int STREAMS_MAX = 512;
  static final int BINS_MAX = 1024;
  static final int TEXT_MAX = 4096;

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

  static StoredWindow window(DeviceId device, Window window) throws Malformed {
    checkText(window.getModel().getManifestDigest());
    if (window.getStreamsCount() > STREAMS_MAX) {
      throw new Malformed("window has more than %d streams".formatted(STREAMS_MAX));
    }
    List<StoredWindow.Stream> streams = new ArrayList<>();
    java.util.Set<String> names = new java.util.HashSet<>();
    for (StreamCounts stream : window.getStreamsList()) {
      checkText(stream.getStream());
      if (!names.add(stream.getStream()) || stream.getCountsCount() > BINS_MAX) {
        throw new Malformed(
            "stream '%s' comes twice or has more than %d bins"
                .formatted(stream.getStream(), BINS_MAX));
      }
      streams.add(new StoredWindow.Stream(stream.getStream(), stream.getCountsList()));
    }
    return new StoredWindow(
        device,
        slot(window.getModel()),
        version(window.getModel()),
        window.getModel().getManifestDigest(),
        window.getWindow(),
        Instant.ofEpochMilli(window.getStartMillis()),
        Instant.ofEpochMilli(window.getEndMillis()),
        window.getPredictions(),
        window.getPredictionsFailed(),
        window.getSkipped(),
        streams);
  }

  static StoredFeedback feedback(DeviceId device, Feedback feedback) throws Malformed {
    checkText(feedback.getPredictionId());
    checkText(feedback.getClientId());
    if (!Double.isFinite(feedback.getActual()) || !Double.isFinite(feedback.getScore())) {
      throw new Malformed("feedback's numbers are not finite");
    }
    Optional<StoredFeedback.Prediction> prediction =
        feedback.getJoined()
            ? Optional.of(
                new StoredFeedback.Prediction(
                    slot(feedback.getModel()),
                    version(feedback.getModel()),
                    feedback.getScore(),
                    Instant.ofEpochMilli(feedback.getPredictedAtMillis())))
            : Optional.empty();
    return new StoredFeedback(
        device,
        feedback.getPredictionId(),
        feedback.getActual(),
        Instant.ofEpochMilli(feedback.getOutcomeAtMillis()),
        prediction);
  }

  static void checkSample(Sample sample) throws Malformed {
    checkText(sample.getPredictionId());
    checkText(sample.getClientId());
    checkText(sample.getStratum());
    version(sample.getModel());
    slot(sample.getModel());
    if (sample.getInputsCount() == 0 || sample.getOutputsCount() == 0) {
      throw new Malformed("sample lacks its input or its output");
    }
    double probability = sample.getInclusionProbability();
    if (!(probability > 0 && probability <= 1)) {
      throw new Malformed("inclusion probability %s is outside 0 to 1".formatted(probability));
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

  static void checkText(String text) throws Malformed {
    if (text.length() > TEXT_MAX || text.indexOf('\0') >= 0) {
      throw new Malformed("a text is longer than %d or holds the character 0".formatted(TEXT_MAX));
    }
  }
}
