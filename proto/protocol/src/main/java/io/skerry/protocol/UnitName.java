package io.skerry.protocol;

/** Slots that are activated together, or not at all. */
public record UnitName(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public UnitName {
    Name.checked("unit", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
