package io.skerry.telemetry.sketch;

import java.util.Optional;
import java.util.function.LongUnaryOperator;
import java.util.function.ToIntFunction;

/**
 * Keeps what a device sends about windows within its bytes a day, in {@link Degradation#ORDER}: a
 * model, in all its versions, within the bytes that its manifest names, and all models together
 * within the largest of these that held in the day. What is sent while there is no limit counts
 * against none that comes later in the day.
 *
 * <p>At the end of every window it takes the first degradation that would last for the rest of the
 * UTC day, and says whether what is counted is sent now or counted on. What does not fit any more
 * is never sent in part: it is counted on until the next day. Not thread-safe.
 */
public final class WindowBudget {
  /**
   * What travels with a record besides its own bytes: batch, topic, MQTT and TLS frames of the
   * message, its acknowledgement and the committed range that comes back.
   */
  public static final int OVERHEAD_BYTES = 260;

  private final long bytesPerDay;
  private final DayUse ofModel;
  private final DayUse ofDevice;
  private final LongUnaryOperator keptFree;

  /**
   * With whom the bytes are shared. Others are taken to need as much for a window as this one.
   *
   * @param bytesPerDay of all models of the device; 0 = no limit
   * @param model versions of the model that send
   * @param device versions of all models that do
   */
  public record Sharing(long bytesPerDay, Sharers model, Sharers device) {
    /** With nobody. */
    public static final Sharing NONE = new Sharing(0, Sharers.ONE, Sharers.ONE);
  }

  /**
   * How many share.
   *
   * @param due of which a window has ended and is still to be sent or counted on, this one included
   * @param all this one included
   */
  public record Sharers(int due, int all) {
    /** Nobody else. */
    public static final Sharers ONE = new Sharers(1, 1);
  }

  /**
   * A budget of its own.
   *
   * @param bytesPerDay 0 = no limit
   */
  public WindowBudget(long bytesPerDay) {
    this(bytesPerDay, new DayUse(), new DayUse());
  }

  /** One that shares its bytes with other windows only. */
  WindowBudget(long bytesPerDay, DayUse ofModel, DayUse ofDevice) {
    this(bytesPerDay, ofModel, ofDevice, all -> 0);
  }

  /**
   * Makes a budget.
   *
   * @param bytesPerDay of the model; 0 = no limit
   * @param ofModel what its versions sent
   * @param ofDevice what all models sent, and what else shares their bytes
   * @param keptFree of so many bytes of the device, those that windows leave to others
   */
  public WindowBudget(
      long bytesPerDay, DayUse ofModel, DayUse ofDevice, LongUnaryOperator keptFree) {
    this.bytesPerDay = bytesPerDay;
    this.ofModel = ofModel;
    this.ofDevice = ofDevice;
    this.keptFree = keptFree;
  }

  /** Bytes that the model may send in a day; 0 = no limit. */
  public long bytesPerDay() {
    return bytesPerDay;
  }

  /**
   * What to do at the end of a window.
   *
   * @param endMillis of the window
   * @param windowMillis its length
   * @param pending windows that are counted together by now
   * @param sharing with whom the bytes are shared
   * @param bytes the size of the record that a degradation would leave
   * @return empty: count on
   */
  public Optional<Degradation> atWindowEnd(
      long endMillis,
      long windowMillis,
      int pending,
      Sharing sharing,
      ToIntFunction<Degradation> bytes) {
    if (bytesPerDay <= 0 && sharing.bytesPerDay() <= 0) {
      return Optional.of(Degradation.NONE);
    }
    at(endMillis - 1);
    long untilMidnight = (ofModel.day() + 1) * DayUse.DAY_MILLIS - endMillis;
    for (Degradation degradation : Degradation.ORDER) {
      long each = (long) bytes.applyAsInt(degradation) + OVERHEAD_BYTES;
      // Besides this window, those that are still to end today.
      long more = untilMidnight / (windowMillis * degradation.windows());
      if (each * times(sharing.model(), more) <= left(ofModel, bytesPerDay)
          && each * times(sharing.device(), more) <= leftOfDevice(sharing.bytesPerDay())) {
        boolean due =
            pending >= degradation.windows()
                || Math.floorDiv(endMillis, windowMillis) % degradation.windows() == 0;
        return due ? Optional.of(degradation) : Optional.empty();
      }
    }
    return Optional.empty();
  }

  private static long times(Sharers sharers, long more) {
    return Math.max(1, sharers.due()) + Math.max(1, sharers.all()) * more;
  }

  private static long left(DayUse use, long bytesPerDay) {
    return bytesPerDay <= 0 ? Long.MAX_VALUE : bytesPerDay - use.bytes(bytesPerDay);
  }

  private long leftOfDevice(long devicePerDay) {
    long largest = ofDevice.largest(devicePerDay);
    return largest <= 0 ? Long.MAX_VALUE : left(ofDevice, largest) - keptFree.applyAsLong(largest);
  }

  /**
   * The first degradation that still fits today: for a window that cannot be counted on.
   *
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  public Optional<Degradation> atOnce(
      long nowMillis, long devicePerDay, ToIntFunction<Degradation> bytes) {
    if (bytesPerDay <= 0 && devicePerDay <= 0) {
      return Optional.of(Degradation.NONE);
    }
    at(nowMillis);
    return Degradation.ORDER.stream()
        .filter(degradation -> fits(bytes.applyAsInt(degradation), devicePerDay))
        .findFirst();
  }

  /**
   * Bytes that a window may have besides those that it has, so that as many as are still to end
   * today can be as large as it is without them.
   *
   * @param endMillis of the window
   * @param windowMillis its length
   * @param degradation that it is sent with
   * @param sharing with whom the bytes are shared
   * @param bytes that its record has
   */
  public long spare(
      long endMillis, long windowMillis, Degradation degradation, Sharing sharing, int bytes) {
    at(endMillis - 1);
    long each = (long) bytes + OVERHEAD_BYTES;
    long untilMidnight = Math.max(0, (ofModel.day() + 1) * DayUse.DAY_MILLIS - endMillis);
    long more = untilMidnight / (windowMillis * degradation.windows());
    long ofModelEach = left(ofModel, bytesPerDay) / times(sharing.model(), more);
    long ofDeviceEach = leftOfDevice(sharing.bytesPerDay()) / times(sharing.device(), more);
    return Math.max(0, Math.min(ofModelEach, ofDeviceEach) - each);
  }

  private void at(long nowMillis) {
    ofModel.at(nowMillis);
    ofDevice.at(nowMillis);
  }

  /** Whether a record of so many bytes still fits today. */
  public boolean fits(int bytes, long devicePerDay) {
    long each = (long) bytes + OVERHEAD_BYTES;
    return each <= left(ofModel, bytesPerDay) && each <= leftOfDevice(devicePerDay);
  }

  /**
   * A record was sent.
   *
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  public void sent(long atMillis, int bytes, long devicePerDay) {
    at(atMillis);
    ofModel.add(bytes + (long) OVERHEAD_BYTES, bytesPerDay);
    ofDevice.add(bytes + (long) OVERHEAD_BYTES, devicePerDay);
  }
}
