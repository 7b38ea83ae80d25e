package io.skerry.protocol;

/** A hardware profile: one class of board. */
public record ProfileId(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public ProfileId {
    Name.checked("hardware profile", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
