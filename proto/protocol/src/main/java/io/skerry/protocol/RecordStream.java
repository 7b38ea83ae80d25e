package io.skerry.protocol;

import java.util.Locale;

/** The streams of records that a device spools until the control plane has committed them. */
public enum RecordStream {
  SAMPLES,
  WINDOWS,
  FEEDBACK,
  EVENTS;

  /** The name in topics and messages. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The stream of this wire name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static RecordStream ofWireName(String wireName) {
    for (RecordStream stream : values()) {
      if (stream.wireName().equals(wireName)) {
        return stream;
      }
    }
    throw new IllegalArgumentException("unknown record stream '%s'".formatted(wireName));
  }
}
