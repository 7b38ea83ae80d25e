package io.skerry.fleet.gate;

import java.util.List;

/**
 * One metric on one hardware profile, over the same span of time.
 *
 * @param newer of the new version
 * @param older of the version before, on concurrent control devices
 */
public record Comparison(ArmSums newer, ArmSums older) {
  /** Nothing was seen. */
  public static final Comparison NONE = new Comparison(ArmSums.NONE, ArmSums.NONE);

  private static final double FEWER_DEVICES = 25;
  private static final double SHORTER = 10;

  /** Several profiles together. */
  static Comparison sum(List<Comparison> profiles) {
    return new Comparison(
        profiles.stream().map(Comparison::newer).reduce(ArmSums.NONE, ArmSums::plus),
        profiles.stream().map(Comparison::older).reduce(ArmSums.NONE, ArmSums::plus));
  }

  /** Whether anybody still sends this of the version before. */
  boolean hasControls() {
    return older.devices() > 0;
  }

  /** Whether the controls tell how much they differ, so that harm can be shown against them. */
  boolean isComparable() {
    return older.arePair();
  }

  /**
   * Whether the controls are so few, or were controls for so short, that a stage cannot wait for
   * what they say: a handful of stragglers would make of a stage that limits can decide one that
   * nothing can.
   */
  boolean hasFewControls() {
    double controls = older.effectiveDevices();
    double devices = newer.effectiveDevices();
    boolean few = older.areMany() ? controls * FEWER_DEVICES < devices : controls < devices;
    return few || older.trials() / older.devices() * SHORTER < newer.trials() / newer.devices();
  }
}
