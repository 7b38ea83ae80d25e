package io.skerry.api;

import java.util.List;

/**
 * The fleet in numbers and its devices.
 *
 * @param lines devices, those that need attention first; the first 500
 */
public record FleetOverview(
    int devices,
    int online,
    List<Share> byPhase,
    List<Share> byVersion,
    List<Share> byProfile,
    List<DeviceOverview> lines) {
  public FleetOverview {
    byPhase = List.copyOf(byPhase);
    byVersion = List.copyOf(byVersion);
    byProfile = List.copyOf(byProfile);
    lines = List.copyOf(lines);
  }
}
