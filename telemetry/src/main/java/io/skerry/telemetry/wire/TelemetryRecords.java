package io.skerry.telemetry.wire;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.RecordStream;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Sample;
import io.skerry.wire.fleet.v1.Window;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * Makes and checks the records that a device sends. Sequences are given by the device's spool, so a
 * record made here has none yet.
 */
public final class TelemetryRecords {
  /** The largest encoded batch that is sent or accepted. */
  public static final int BATCH_BYTES_MAX = 256 * 1024;

  private TelemetryRecords() {}

  /** A record of a sample. */
  public static Record of(Instant at, Sample sample) {
    return at(at).setSample(sample).build();
  }

  /** A record of a window. */
  public static Record of(Instant at, Window window) {
    return at(at).setWindow(window).build();
  }

  /** A record of an actual outcome. */
  public static Record of(Instant at, Feedback feedback) {
    return at(at).setFeedback(feedback).build();
  }

  /** A record of something that happened on the device. */
  public static Record event(
      Instant at, String code, String detail, Map<String, String> attributes) {
    Event event =
        Event.newBuilder().setCode(code).setDetail(detail).putAllAttributes(attributes).build();
    return at(at).setEvent(event).build();
  }

  /** The stream that a record belongs to; empty when its body is of no kind known here. */
  public static Optional<RecordStream> stream(Record record) {
    return switch (record.getBodyCase()) {
      case SAMPLE -> Optional.of(RecordStream.SAMPLES);
      case WINDOW -> Optional.of(RecordStream.WINDOWS);
      case FEEDBACK -> Optional.of(RecordStream.FEEDBACK);
      case EVENT -> Optional.of(RecordStream.EVENTS);
      case BODY_NOT_SET -> Optional.empty();
    };
  }

  /**
   * Reads a batch.
   *
   * @throws MalformedDocumentException if it is too large or unreadable
   */
  public static RecordBatch decodeBatch(byte[] bytes) throws MalformedDocumentException {
    if (bytes.length > BATCH_BYTES_MAX) {
      throw new MalformedDocumentException(
          "record batch has %d bytes, at most %d".formatted(bytes.length, BATCH_BYTES_MAX));
    }
    try {
      return RecordBatch.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedDocumentException("record batch: " + e.getMessage(), e);
    }
  }

  private static Record.Builder at(Instant at) {
    return Record.newBuilder().setAtMillis(at.toEpochMilli());
  }
}
