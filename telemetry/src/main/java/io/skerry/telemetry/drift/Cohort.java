package io.skerry.telemetry.drift;

import java.util.Map;

/** The devices whose attribute has this value, for example {@code site=b}. */
public record Cohort(String attribute, String value) implements Comparable<Cohort> {
  boolean holds(Map<String, String> attributes) {
    return value.equals(attributes.get(attribute));
  }

  @Override
  public int compareTo(Cohort other) {
    int byAttribute = attribute.compareTo(other.attribute);
    return byAttribute != 0 ? byAttribute : value.compareTo(other.value);
  }

  /**
   * Reads {@code attribute=value}.
   *
   * @throws IllegalArgumentException if the text has another form
   */
  public static Cohort parse(String text) {
    int at = text.indexOf('=');
    if (at < 1) {
      throw new IllegalArgumentException("cohort '%s' is not ATTRIBUTE=VALUE".formatted(text));
    }
    return new Cohort(text.substring(0, at), text.substring(at + 1));
  }

  @Override
  public String toString() {
    return attribute + "=" + value;
  }
}
