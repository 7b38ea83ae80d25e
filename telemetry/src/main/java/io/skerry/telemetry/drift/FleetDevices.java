package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

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

  /**
   * Reads them.
   *
   * @param heardIn the window they were all heard in, where the format does not tell
   * @param learnedUnder what they may have learned under, where the format does not tell
   */
  void read(
      StateReader from,
      int format,
      Statistics statistics,
      OptionalLong heardIn,
      Optional<Set<ModelVersion>> learnedUnder) {
    for (int left = from.getCount(DriftLedger.COUNT_MAX); left > 0; left--) {
      devices.put(
          from.getText(),
          Device.read(
              from,
              format,
              statistics,
              settings.seasonWindows(),
              memberships::of,
              heardIn,
              learnedUnder));
    }
  }

  boolean isEmpty() {
    return devices.isEmpty();
  }

  /** The device of what is told in a window, which takes over what it is by now. */
  Device of(long window, DeviceWindow one, Statistics statistics) {
    Device device =
        devices.computeIfAbsent(
            one.device().value(), id -> new Device(statistics, settings.seasonWindows()));
    device.attributes(one.attributes(), memberships::of);
    device.heardIn(window);
    return device;
  }

  /** Forgets devices: one that comes again is a new one. */
  void retain(Predicate<DeviceId> kept) {
    retain((id, device) -> kept.test(new DeviceId(id)));
  }

  /** Forgets those that were not heard for more than {@link DriftLedger#AWAY_WINDOWS}. */
  void forgetAway(long window) {
    retain((id, device) -> window - device.heardIn() <= DriftLedger.AWAY_WINDOWS);
  }

  private void retain(BiPredicate<String, Device> kept) {
    devices
        .entrySet()
        .removeIf(
            entry -> {
              boolean gone = !kept.test(entry.getKey(), entry.getValue());
              if (gone) {
                entry.getValue().leave();
              }
              return gone;
            });
  }

  /** Whether any device is in a cohort. */
  boolean areIn(Cohort cohort) {
    return devices.values().stream().anyMatch(device -> cohort.holds(device.attributes()));
  }

  /** Whose counts are still part of what is learned: versions that some device learned under. */
  Set<ModelVersion> learnedUnder() {
    Set<ModelVersion> under = new HashSet<>();
    Set<ModelVersion> last = Set.of();
    for (Device device : devices.values()) {
      // Most have learned under the same.
      if (device.learnedUnder() != last) {
        last = device.learnedUnder();
        under.addAll(last);
      }
    }
    return under;
  }

  /** Tells every device. */
  void forEach(Consumer<Device> told) {
    devices.values().forEach(told);
  }

  /** The devices of a cohort learn their baselines anew. */
  void relearn(Cohort cohort) {
    devices.values().stream()
        .filter(device -> cohort.holds(device.attributes()))
        .forEach(Device::relearn);
  }

  /**
   * Compares those that an event touched with the others; see {@link DriftLedger#check}.
   *
   * @param unit the attribute whose values have one say each; null = devices have
   */
  EventCheck check(
      DriftFinding finding, int statistic, Set<DeviceId> touched, @Nullable String unit) {
    UnitValues inside = new UnitValues(unit);
    UnitValues outside = new UnitValues(unit);
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
        (isTouched ? inside : outside).add(entry.getValue().attributes(), moved);
      }
    }
    return EventCheck.of(
        finding.effect(),
        inside.values(),
        outside.values(),
        settings.cohortMin(),
        members,
        membersTouched);
  }
}
