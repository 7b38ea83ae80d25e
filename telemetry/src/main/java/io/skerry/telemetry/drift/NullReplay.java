package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Judges windows again with the attributes dealt anew among the devices: then no cohort differs
 * from another but by chance, and every incident is false. Shows whether the promise holds on a
 * fleet's own data, with its season and its memory. Windows are taken one by one, so that only one
 * has to be held. Not thread-safe.
 */
public final class NullReplay {
  private final DriftSettings settings;
  private final List<Deal> deals = new ArrayList<>();

  private static final class Deal {
    private final Map<String, Map<String, String>> attributes;
    private final DriftLedger ledger;
    private long judged;
    private int incidents;

    Deal(DriftSettings settings, Map<String, Map<String, String>> attributes) {
      this.attributes = attributes;
      this.ledger = new DriftLedger(settings);
    }
  }

  /**
   * What came of it.
   *
   * @param windows that were judged after the learning period, over all deals
   * @param incidents that were opened, all of them false
   * @param promised expected number of false incidents at most
   */
  public record Result(long windows, int incidents, double promised) {
    private static final double CHANCE = .01;
    private static final double NORMAL_FROM = 100;
    private static final double NORMAL_QUANTILE = 2.326;

    /** Incidents that the promise leaves a chance of 1 % to be exceeded. */
    public int allowed() {
      if (promised > NORMAL_FROM) {
        return (int) Math.ceil(promised + NORMAL_QUANTILE * Math.sqrt(promised));
      }
      double probability = Math.exp(-promised);
      double atMost = probability;
      int count = 0;
      while (1 - atMost > CHANCE) {
        count++;
        probability *= promised / count;
        atMost += probability;
      }
      return count;
    }

    /** Whether as many false incidents may come by chance where the promise is kept. */
    public boolean isKept() {
      return incidents <= allowed();
    }
  }

  /**
   * Deals.
   *
   * @param attributes of every device; what comes of another device is left out
   * @param deals how often they are dealt anew
   * @param seed the same seed deals the same
   */
  public NullReplay(
      DriftSettings settings, Map<String, Map<String, String>> attributes, int deals, long seed) {
    this.settings = settings;
    for (int i = 0; i < deals; i++) {
      this.deals.add(new Deal(settings, dealt(attributes, seed + i)));
    }
  }

  private static Map<String, Map<String, String>> dealt(
      Map<String, Map<String, String>> attributes, long seed) {
    List<String> devices = new ArrayList<>(new TreeSet<>(attributes.keySet()));
    List<Map<String, String>> hands = new ArrayList<>();
    devices.forEach(device -> hands.add(attributes.getOrDefault(device, Map.of())));
    long state = seed;
    for (int i = hands.size() - 1; i > 0; i--) {
      state += 0x9e3779b97f4a7c15L;
      Collections.swap(hands, i, (int) Math.floorMod(mixed(state), i + 1L));
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

  /** Whether the version's streams were told. */
  public boolean knows(ModelVersion version) {
    return deals.getFirst().ledger.knows(version);
  }

  /** Tells the streams of a version, before its windows come. */
  public void register(ModelVersion version, MonitoredStreams streams) {
    deals.forEach(deal -> deal.ledger.register(version, streams));
  }

  /** Judges a window in every deal; windows must come in rising order. */
  public void judge(long window, List<DeviceWindow> devices) {
    for (Deal deal : deals) {
      List<DeviceWindow> relabelled = new ArrayList<>(devices.size());
      for (DeviceWindow one : devices) {
        Map<String, String> attributes = deal.attributes.get(one.device().value());
        if (attributes != null) {
          relabelled.add(
              new DeviceWindow(
                  one.device(), attributes, one.version(), one.counts(), one.outcomes()));
        }
      }
      WindowVerdict verdict = deal.ledger.judge(window, relabelled);
      deal.judged += verdict.streams().isEmpty() ? 0 : 1;
      // One that stayed open would explain away what comes after it.
      verdict
          .found()
          .ifPresent(
              finding -> {
                deal.incidents++;
                deal.ledger.release(finding.cohort(), false);
              });
    }
  }

  /** What came of the windows so far. */
  public Result result() {
    long judged = deals.stream().mapToLong(deal -> deal.judged).sum();
    return new Result(
        judged,
        deals.stream().mapToInt(deal -> deal.incidents).sum(),
        (double) judged / settings.windowsPerFalseAlarm());
  }
}
