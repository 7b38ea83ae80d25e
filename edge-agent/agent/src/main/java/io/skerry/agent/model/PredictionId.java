package io.skerry.agent.model;

/**
 * The agent's id of one prediction: a ULID, 26 characters of Crockford's base 32. Ids of one agent
 * sort in the order of the predictions.
 */
public record PredictionId(String value) {
  private static final int CHARACTERS = 26;

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
    if (text.length() != CHARACTERS || text.charAt(0) > '7') {
      return false;
    }
    for (int i = 0; i < CHARACTERS; i++) {
      if (!isDigit(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  // By hand: every prediction has one, and a regular expression took as long as the rest of it.
  private static boolean isDigit(char digit) {
    return (digit >= '0' && digit <= '9')
        || (digit >= 'A'
            && digit <= 'Z'
            && digit != 'I'
            && digit != 'L'
            && digit != 'O'
            && digit != 'U');
  }

  @Override
  public String toString() {
    return value;
  }
}
