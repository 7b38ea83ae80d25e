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
   * What a day has left, as of one moment; any thread may ask it.
   *
   * @param ofModel bytes that the model has left
   * @param modelPerDay bytes that it has in a day; 0 = no limit
   * @param ofDevice the same of all models of the device
   */
  public record Room(long ofModel, long modelPerDay, long ofDevice, long devicePerDay) {
    /** Without limit. */
    public static final Room ENDLESS = new Room(0, 0, 0, 0);

    /**
     * What the inclusion probability is multiplied by, 0 to 1.
     *
     * @param pending bytes that are chosen and not taken yet
     * @param bytes of the sample in question: where they do not fit any more, 0
     */
    public double factor(long pending, long bytes) {
      return Math.min(
          factor(ofModel, modelPerDay, pending, bytes),
          factor(ofDevice, devicePerDay, pending, bytes));
    }

    private static double factor(long left, long perDay, long pending, long bytes) {
      if (perDay <= 0) {
        return 1;
      }
      double share = (double) (left - pending) / perDay;
      if (share <= 0x1p-10 || left - pending < bytes) {
        return 0;
      }
      int halvings = (int) Math.floor(-Math.log(share) / Math.log(2));
      return Math.scalb(1.0, -Math.min(HALVINGS_MAX, halvings));
    }
  }

  /**
   * What the day of this moment has left.
   *
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  public Room room(long nowMillis, long devicePerDay) {
    at(nowMillis);
    return room(devicePerDay);
  }

  /** Begins the day that this moment is in, unless it has begun. */
  public void at(long nowMillis) {
    ofModel.at(nowMillis);
    ofDevice.at(nowMillis);
  }

  /** The same of the day that was last begun. */
  public Room room(long devicePerDay) {
    long largest = ofDevice.largest(devicePerDay);
    return new Room(
        bytesPerDay - ofModel.bytes(), bytesPerDay, largest - ofDevice.bytes(), largest);
  }

  /**
   * What the inclusion probability is multiplied by at this time, 0 to 1.
   *
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  public double factor(long nowMillis, long devicePerDay) {
    return room(nowMillis, devicePerDay).factor(0, 0);
  }

  /** Whether so many more bytes fit the day that was last begun; then they are used. */
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
