package io.skerry.control.device;

import io.skerry.protocol.DeviceId;
import java.util.List;

/**
 * Two processes spoke under one device's name at a time; published after it was stored, once an
 * alarm.
 *
 * @param instances the processes
 */
public record DeviceCloned(DeviceId device, List<String> instances) {
  public DeviceCloned {
    instances = List.copyOf(instances);
  }
}
