package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Judges windows again with the attributes dealt anew among the devices: then no cohort differs
 * from another but by chance, and every incident is false. Shows whether the promise holds on a
 * fleet's own data, with its season and its memory.
 *
 * @param windows that were judged after the learning period, over all deals
 * @param incidents that were opened, all of them false
 * @param promised expected number of false incidents at most
 */
public record NullReplay(long windows, int incidents, double promised) {
  /**
   * Replays.
   *
   * @param deals how often the attributes are dealt anew
   * @param seed the same seed deals the same
   */
  public static NullReplay of(
      DriftSettings settings,
      Map<ModelVersion, MonitoredStreams> versions,
      List<List<DeviceWindow>> history,
      int deals,
      long seed) {
    long judged = 0;
    int incidents = 0;
    for (int deal = 0; deal < deals; deal++) {
      Map<String, Map<String, String>> dealt = deal(history, seed + deal);
      DriftLedger ledger = new DriftLedger(settings);
      versions.entrySet().stream()
          .sorted(java.util.Comparator.comparingLong(entry -> entry.getKey().version()))
          .forEach(entry -> ledger.register(entry.getKey(), entry.getValue()));
      for (int window = 0; window < history.size(); window++) {
        List<DeviceWindow> relabelled = new ArrayList<>(history.get(window).size());
        for (DeviceWindow one : history.get(window)) {
          relabelled.add(
              new DeviceWindow(
                  one.device(),
                  dealt.getOrDefault(one.device().value(), Map.of()),
                  one.version(),
                  one.counts(),
                  one.outcomes()));
        }
        WindowVerdict verdict = ledger.judge(window, relabelled);
        judged += verdict.streams().isEmpty() ? 0 : 1;
        incidents += verdict.found().isPresent() ? 1 : 0;
      }
    }
    return new NullReplay(judged, incidents, (double) judged / settings.windowsPerFalseAlarm());
  }

  private static Map<String, Map<String, String>> deal(
      List<List<DeviceWindow>> history, long seed) {
    Map<String, Map<String, String>> latest = new HashMap<>();
    history.forEach(
        window -> window.forEach(one -> latest.put(one.device().value(), one.attributes())));
    List<String> devices = new ArrayList<>(new TreeSet<>(latest.keySet()));
    List<Map<String, String>> hands = new ArrayList<>();
    devices.forEach(device -> hands.add(latest.getOrDefault(device, Map.of())));
    long state = seed;
    for (int i = hands.size() - 1; i > 0; i--) {
      state += 0x9e3779b97f4a7c15L;
      java.util.Collections.swap(hands, i, (int) Math.floorMod(mixed(state), i + 1L));
    }
    Map<String, Map<String, String>> dealt = new HashMap<>();
    for (int i = 0; i < hands.size(); i++) {
      dealt.put(devices.get(i), hands.get(i));
    }
    return dealt;
  }

  // SplitMix64's finaliser.
  private static long mixed(long value) {
    long z = value;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
