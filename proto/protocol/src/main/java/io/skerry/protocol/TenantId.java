package io.skerry.protocol;

/** The owner of a fleet; one control plane serves many. */
public record TenantId(String value) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not 1 to 64 of a-z, 0-9, '.', '_', '-'
   */
  public TenantId {
    Name.checked("tenant", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
