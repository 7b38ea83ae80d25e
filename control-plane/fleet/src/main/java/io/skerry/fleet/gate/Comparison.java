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

  /** Devices from which on a side is enough, however many the other has. */
  static final int DEVICES_MIN = 4;

  /** Whether anybody still sends this of the version before. */
  boolean hasControls() {
    return older.devices() > 0;
  }

  /**
   * Whether the controls are enough to compare with: otherwise two stragglers that have not got the
   * new version yet would make of a stage that limits can decide one that nothing can.
   */
  boolean isComparable() {
    double controls = older.effectiveDevices();
    return controls >= 2 && (controls >= DEVICES_MIN || 2 * controls >= newer.effectiveDevices());
  }
}
