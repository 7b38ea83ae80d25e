package io.skerry.telemetry.sample;

import io.skerry.telemetry.sketch.DayUse;

/**
 * Keeps samples within their bytes a day, of a model in all its versions and of all models of the
 * device, by lowering the inclusion probability step by step, before a prediction is chosen and
 * whatever it is: the probability that is recorded stays the true one.
 *
 * <p>After half of the day's bytes only every second of the chosen is taken, after three quarters
 * every fourth, and so on; when they are used up, none until the next day. Not thread-safe.
 */
public final class SampleBudget {
  private static final int HALVINGS_MAX = 10;

  private final long bytesPerDay;
  private final DayUse ofModel;
  private final DayUse ofDevice;

  /**
   * A budget of its own.
   *
   * @param bytesPerDay 0 = no limit
   */
  public SampleBudget(long bytesPerDay) {
    this(bytesPerDay, new DayUse(), new DayUse());
  }

  /**
   * Makes a budget.
   *
   * @param bytesPerDay of the model; 0 = no limit
   * @param ofModel what its versions sent
   * @param ofDevice what all models sent
   */
  public SampleBudget(long bytesPerDay, DayUse ofModel, DayUse ofDevice) {
    this.bytesPerDay = bytesPerDay;
    this.ofModel = ofModel;
    this.ofDevice = ofDevice;
  }

  /** Bytes that the model may use in a day; 0 = no limit. */
  public long bytesPerDay() {
    return bytesPerDay;
  }

  /**
   * What the inclusion probability is multiplied by at this time, 0 to 1.
   *
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  public double factor(long nowMillis, long devicePerDay) {
    ofModel.at(nowMillis);
    ofDevice.at(nowMillis);
    double left =
        Math.min(left(ofModel, bytesPerDay), left(ofDevice, ofDevice.largest(devicePerDay)));
    if (left <= 0x1p-10) {
      return 0;
    }
    return Math.scalb(
        1.0, -Math.min(HALVINGS_MAX, (int) Math.floor(-Math.log(left) / Math.log(2))));
  }

  private static double left(DayUse use, long bytesPerDay) {
    return bytesPerDay <= 0 ? 1 : 1 - (double) use.bytes() / bytesPerDay;
  }

  /** Whether so many more bytes fit the day of the last {@link #factor}; then they are used. */
  public boolean take(long bytes, long devicePerDay) {
    if (!fits(ofModel, bytesPerDay, bytes)
        || !fits(ofDevice, ofDevice.largest(devicePerDay), bytes)) {
      return false;
    }
    ofModel.add(bytes, bytesPerDay);
    ofDevice.add(bytes, devicePerDay);
    return true;
  }

  private static boolean fits(DayUse use, long bytesPerDay, long bytes) {
    return bytesPerDay <= 0 || bytes <= bytesPerDay - use.bytes();
  }
}
