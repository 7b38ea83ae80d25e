package io.skerry.protocol;

/** A device of a tenant. */
public record DeviceId(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public DeviceId {
    Name.checked("device", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
