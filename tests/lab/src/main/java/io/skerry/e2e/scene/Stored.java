package io.skerry.e2e.scene;

import com.google.gson.JsonObject;
import io.skerry.protocol.RecordStream;

/**
 * What the control plane stored of one device's stream and boot.
 *
 * @param highest the highest sequence it knows of
 * @param count records stored
 * @param duplicates records that came again and were not stored
 * @param givenUp records that it knows will never come: dropped or damaged
 * @param rows rows in the stream's table; as many as {@code count}, where they stay in the table
 */
public record Stored(
    SpoolFiles.Origin origin, long highest, long count, long duplicates, long givenUp, long rows) {
  /** Nothing. */
  public static Stored none(long epoch, RecordStream stream) {
    return new Stored(new SpoolFiles.Origin(epoch, stream), 0, 0, 0, 0, 0);
  }

  static Stored of(JsonObject row) {
    long count = row.get("stored").getAsLong();
    return new Stored(
        new SpoolFiles.Origin(
            row.get("epoch").getAsLong(), RecordStream.ofWireName(row.get("stream").getAsString())),
        row.get("highest").getAsLong(),
        count,
        row.get("duplicates").getAsLong(),
        row.get("givenUp").getAsLong(),
        row.has("rows") ? row.get("rows").getAsLong() : count);
  }
}
