package io.skerry.protocol;

/** A model, without its version. Names differ by case: clients of other servers bring theirs. */
public record ModelName(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'
   */
  public ModelName {
    Name.checkedMixedCase("model", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
