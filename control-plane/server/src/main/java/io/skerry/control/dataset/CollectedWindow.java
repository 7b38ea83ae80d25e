package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.time.Instant;

/**
 * One input that a device was asked about, with the outcome that was told later.
 *
 * <p>Unlike rows of a batch it is a whole window by itself: devices send what the model saw.
 */
public final class CollectedWindow {
  private final Origin origin;
  private final DeviceId device;
  private final String prediction;
  private final int label;
  private final boolean slice;
  private final float[] values;

  /**
   * Where it comes from.
   *
   * @param tenant whose key seals it
   * @param model that was asked; empty where nobody wrote it down
   * @param at when
   */
  public record Origin(TenantId tenant, String model, Instant at) {}

  /**
   * Copies the values.
   *
   * @param prediction the prediction id: unique within its device
   * @param label the class, 0 to {@link LabelClasses#MAX} - 1
   * @param slice whether it belongs to the slice that a challenger must win
   * @param values channel-major: [features, window]
   */
  public CollectedWindow(
      Origin origin, DeviceId device, String prediction, int label, boolean slice, float[] values) {
    if (label < 0 || label >= LabelClasses.MAX) {
      throw new IllegalArgumentException(
          "label %d is no class: 0 to %d".formatted(label, LabelClasses.MAX - 1));
    }
    this.origin = origin;
    this.device = device;
    this.prediction = prediction;
    this.label = label;
    this.slice = slice;
    this.values = values.clone();
  }

  Origin origin() {
    return origin;
  }

  /** The device that was asked. */
  public DeviceId device() {
    return device;
  }

  /** The outcome: a class from 0. */
  public int label() {
    return label;
  }

  /** Whether it belongs to the slice. */
  public boolean slice() {
    return slice;
  }

  /** What names it among all windows. */
  String key() {
    return key(device, prediction);
  }

  static String key(DeviceId device, String prediction) {
    return device + "/" + prediction;
  }

  CollectedWindow outsideSlice() {
    return slice ? new CollectedWindow(origin, device, prediction, label, false, values) : this;
  }

  String prediction() {
    return prediction;
  }

  int elements() {
    return values.length;
  }

  float value(int element) {
    return values[element];
  }
}
