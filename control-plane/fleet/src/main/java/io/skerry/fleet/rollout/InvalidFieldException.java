package io.skerry.fleet.rollout;

/** A field of a rollout file that cannot be, with the reason. */
public final class InvalidFieldException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  private final String field;

  /**
   * A refusal.
   *
   * @param field path in the file, for example {@code stages[1].percent}
   * @param reason what is wrong and what would be right
   */
  public InvalidFieldException(String field, String reason) {
    super(reason);
    this.field = field;
  }

  /** Path in the file. */
  public String field() {
    return field;
  }
}
