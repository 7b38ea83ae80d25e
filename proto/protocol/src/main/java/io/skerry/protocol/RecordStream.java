package io.skerry.protocol;

import java.util.Locale;

/** The streams of records that a device spools until the control plane has committed them. */
public enum RecordStream {
  SAMPLES,
  WINDOWS,
  FEEDBACK,
  EVENTS;

  private final String wireName = name().toLowerCase(Locale.ROOT);

  /** The name in topics and messages. */
  public String wireName() {
    return wireName;
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
