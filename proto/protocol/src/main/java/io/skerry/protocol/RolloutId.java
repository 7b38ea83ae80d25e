package io.skerry.protocol;

/** A rollout. */
public record RolloutId(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public RolloutId {
    Name.checked("rollout", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
