package io.skerry.protocol;

/** A model, without its version. */
public record ModelName(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public ModelName {
    Name.checked("model", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
