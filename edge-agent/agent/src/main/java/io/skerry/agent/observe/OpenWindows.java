package io.skerry.agent.observe;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Window;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** How the open windows of all versions lie in a checkpoint: as a batch of their records. Pure. */
public final class OpenWindows {
  /** The largest checkpoint, in bytes. */
  public static final int BYTES_MAX = 256 * 1024;

  // What a window takes in a batch besides its own bytes.
  private static final int FRAME_BYTES = 16;

  private OpenWindows() {}

  /**
   * A checkpoint.
   *
   * @param leftOut windows that it had no room for
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Encoded(byte[] bytes, int leftOut) {}

  /**
   * Encodes windows, the first ones first. Where there is no room for all, none tells its anomalies
   * and co-moments: these explain and do not count.
   */
  static Encoded encode(List<Window> open, int bytesMax) {
    boolean isWhole = size(open) <= bytesMax;
    RecordBatch.Builder batch = RecordBatch.newBuilder();
    int leftOut = 0;
    long bytes = 0;
    for (Window window : open) {
      Window told = isWhole ? window : window.toBuilder().clearAnomalies().clearCoMoments().build();
      long more = told.getSerializedSize() + (long) FRAME_BYTES;
      if (bytes + more > bytesMax) {
        leftOut++;
      } else {
        bytes += more;
        batch.addRecords(Record.newBuilder().setWindow(told));
      }
    }
    return new Encoded(batch.build().toByteArray(), leftOut);
  }

  private static long size(List<Window> open) {
    long size = 0;
    for (Window window : open) {
      size += window.getSerializedSize() + (long) FRAME_BYTES;
    }
    return size;
  }

  /**
   * The windows of a checkpoint that are no records yet. A version's windows follow each other: a
   * record after the checkpoint counts what stood open in it.
   *
   * @param since window records that were kept after it
   * @throws MalformedDocumentException if it cannot be read
   */
  static List<Window> left(byte[] bytes, List<Record> since) throws MalformedDocumentException {
    Set<ModelRef> sealed = new HashSet<>();
    since.forEach(record -> sealed.add(record.getWindow().getModel()));
    List<Window> left = new ArrayList<>();
    try {
      for (Record record : RecordBatch.parseFrom(bytes).getRecordsList()) {
        Window window = record.getWindow();
        if (!sealed.contains(window.getModel())) {
          check(window);
          left.add(window);
        }
      }
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedDocumentException("open windows: " + e.getMessage(), e);
    }
    return left;
  }

  private static void check(Window window) throws MalformedDocumentException {
    WindowCodec.counted(window);
    if (window.getWindow() < 0
        || window.getStartMillis() < 0
        || window.getEndMillis() <= window.getStartMillis()
        || lengthMillis(window) < 1) {
      throw new MalformedDocumentException(
          "open window %d lasts from %d to %d"
              .formatted(window.getWindow(), window.getStartMillis(), window.getEndMillis()));
    }
  }

  /** How long a window is: the last of those that it counts together. */
  static long lengthMillis(Window window) {
    return window.getEndMillis() / (window.getWindow() + 1);
  }
}
