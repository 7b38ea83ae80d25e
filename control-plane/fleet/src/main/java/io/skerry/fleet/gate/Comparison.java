package io.skerry.fleet.gate;

/**
 * One metric on one hardware profile, over the same span of time.
 *
 * @param newer of the new version
 * @param older of the version before, on concurrent control devices
 */
public record Comparison(ArmSums newer, ArmSums older) {
  /** Nothing was seen. */
  public static final Comparison NONE = new Comparison(ArmSums.NONE, ArmSums.NONE);

  boolean hasControls() {
    return older.devices() > 0;
  }
}
