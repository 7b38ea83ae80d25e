package io.skerry.agent.observe;

import io.skerry.agent.observe.DayBytes.Kind;
import io.skerry.telemetry.sketch.DayUse;

/**
 * What was sent of one kind today, by the versions of a model and by all models of the device; a
 * restart does not forget it.
 */
record DaySent(DayBytes days, String model, Kind kind, DayUse ofModel, DayUse ofDevice) {
  static DaySent of(DayBytes days, String model, Kind kind) {
    return new DaySent(days, model, kind, days.use(model, kind), days.use(DayBytes.DEVICE, kind));
  }

  void remember(long modelBytes, long modelPerDay, long deviceBytes, long devicePerDay) {
    days.sent(model, kind, ofModel.day(), modelBytes, modelPerDay);
    days.sent(DayBytes.DEVICE, kind, ofDevice.day(), deviceBytes, devicePerDay);
  }

  /** The version is watched no more. */
  void release() {
    days.release(model, kind);
    days.release(DayBytes.DEVICE, kind);
  }
}
