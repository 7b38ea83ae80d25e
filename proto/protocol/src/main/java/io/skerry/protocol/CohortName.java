package io.skerry.protocol;

/** A named selector over devices. */
public record CohortName(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public CohortName {
    Name.checked("cohort", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
