package io.skerry.control.device;

import io.skerry.control.audit.Actor;
import io.skerry.control.ingest.QuietPlane;
import io.skerry.protocol.DeviceId;

/** Removes devices as the API does. */
public final class Removal {
  private Removal() {}

  /** Removes one. */
  public static void remove(QuietPlane plane, Actor actor, DeviceId device) {
    plane.bean(DeviceIdentities.class).remove(actor, device.value());
  }
}
