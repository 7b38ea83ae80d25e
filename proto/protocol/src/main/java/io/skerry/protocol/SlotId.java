package io.skerry.protocol;

/** A named place on a device that one model serves from. */
public record SlotId(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public SlotId {
    Name.checked("slot", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
