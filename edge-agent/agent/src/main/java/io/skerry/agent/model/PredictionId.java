package io.skerry.agent.model;

import java.util.regex.Pattern;

/**
 * The agent's id of one prediction: a ULID, 26 characters of Crockford's base 32. Ids of one agent
 * sort in the order of the predictions.
 */
public record PredictionId(String value) {
  private static final Pattern ULID = Pattern.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}");

  /**
   * Checks the form.
   *
   * @throws IllegalArgumentException if it is no ULID
   */
  public PredictionId {
    if (!isValid(value)) {
      throw new IllegalArgumentException("prediction id is no ULID of 26 characters");
    }
  }

  /** Whether the text has the form of an id. */
  public static boolean isValid(String text) {
    return ULID.matcher(text).matches();
  }

  @Override
  public String toString() {
    return value;
  }
}
