package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/** The devices that are known, each with its baselines. */
final class FleetDevices {
  private final DriftSettings settings;
  private final Memberships memberships;
  private final Map<String, Device> devices = new HashMap<>();

  FleetDevices(DriftSettings settings, Memberships memberships) {
    this.settings = settings;
    this.memberships = memberships;
  }

  void write(StateWriter to) {
    to.putInt(devices.size());
    new TreeMap<>(devices)
        .forEach(
            (id, device) -> {
              to.putText(id);
              device.write(to);
            });
  }

  void read(StateReader from, Statistics statistics) {
    for (int left = from.getCount(DriftLedger.COUNT_MAX); left > 0; left--) {
      devices.put(
          from.getText(), Device.read(from, statistics, settings.seasonWindows(), memberships::of));
    }
  }

  boolean isEmpty() {
    return devices.isEmpty();
  }

  /** The device of a window, which takes over what it is by now. */
  Device of(DeviceWindow one, Statistics statistics) {
    Device device =
        devices.computeIfAbsent(
            one.device().value(), id -> new Device(statistics, settings.seasonWindows()));
    device.attributes(one.attributes(), memberships::of);
    return device;
  }

  /** Forgets devices: one that comes again is a new one. */
  void retain(Predicate<DeviceId> kept) {
    devices
        .entrySet()
        .removeIf(
            entry -> {
              boolean gone = !kept.test(new DeviceId(entry.getKey()));
              if (gone) {
                entry.getValue().leave();
              }
              return gone;
            });
  }

  /** The devices of a cohort learn their baselines anew. */
  void relearn(Cohort cohort) {
    devices.values().stream()
        .filter(device -> cohort.holds(device.attributes()))
        .forEach(Device::relearn);
  }

  /** Compares those that an event touched with the others; see {@link DriftLedger#check}. */
  EventCheck check(DriftFinding finding, int statistic, Set<DeviceId> touched) {
    List<Double> inside = new ArrayList<>();
    List<Double> outside = new ArrayList<>();
    int members = 0;
    int membersTouched = 0;
    for (Map.Entry<String, Device> entry : new TreeMap<>(devices).entrySet()) {
      boolean isTouched = touched.contains(new DeviceId(entry.getKey()));
      if (finding.cohort().holds(entry.getValue().attributes())) {
        members++;
        membersTouched += isTouched ? 1 : 0;
      }
      double moved = entry.getValue().recent(statistic);
      if (entry.getValue().hasLearnedInputs() && !Double.isNaN(moved)) {
        (isTouched ? inside : outside).add(moved);
      }
    }
    return EventCheck.of(
        finding.effect(), inside, outside, settings.cohortMin(), members, membersTouched);
  }
}
