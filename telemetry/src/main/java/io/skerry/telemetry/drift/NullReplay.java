package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Judges windows again with the attributes dealt anew among the devices: then no cohort differs
 * from another but by chance, and every incident is false. Shows whether the promise holds on a
 * fleet's own data, with its season and its memory. Windows are taken one by one, so that only one
 * has to be held. Devices of one unit are dealt the cards of one other. Not thread-safe.
 */
public final class NullReplay {
  private final DriftSettings settings;
  private final Map<String, Map<String, String>> attributes;
  private final List<Deal> deals = new ArrayList<>();
  private @Nullable String unit;
  private boolean dealt;

  private static final class Deal {
    private final long seed;
    private final DriftLedger ledger;
    private Map<String, Map<String, String>> attributes = Map.of();
    private long judged;
    private int incidents;

    Deal(DriftSettings settings, long seed) {
      this.seed = seed;
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
    this.attributes = attributes;
    for (int i = 0; i < deals; i++) {
      this.deals.add(new Deal(settings, seed + i));
    }
  }

  // Devices of one unit share what disturbs them: dealt one by one, every hand would hold some of
  // it and none would differ. So a unit is dealt another unit's hand, and its members that hand's
  // cards: what is the same in all of a unit stays so, and what differs within units does again.
  private static Map<String, Map<String, String>> dealt(
      Map<String, Map<String, String>> attributes, @Nullable String unit, long seed) {
    Map<String, List<String>> units = new TreeMap<>();
    new TreeMap<>(attributes)
        .forEach(
            (device, of) -> {
              String value = unit == null ? null : of.get(unit);
              units
                  .computeIfAbsent(
                      value == null ? "device " + device : "unit " + value,
                      key -> new ArrayList<>())
                  .add(device);
            });
    List<List<Map<String, String>>> hands = new ArrayList<>();
    units
        .values()
        .forEach(
            members ->
                hands.add(
                    new ArrayList<>(
                        members.stream().map(device -> hand(attributes, device)).toList())));
    long state = shuffle(hands, seed);
    Map<String, Map<String, String>> dealt = new HashMap<>();
    int next = 0;
    for (List<String> members : units.values()) {
      List<Map<String, String>> cards = hands.get(next++);
      state = shuffle(cards, state);
      for (int i = 0; i < members.size(); i++) {
        String device = members.get(i);
        Map<String, String> card = cards.get(i % cards.size());
        dealt.put(device, unit == null ? card : ofUnit(card, unit, hand(attributes, device)));
      }
    }
    return dealt;
  }

  private static long shuffle(List<?> all, long seed) {
    long state = seed;
    for (int i = all.size() - 1; i > 0; i--) {
      state += 0x9e3779b97f4a7c15L;
      Collections.swap(all, i, (int) Math.floorMod(mixed(state), i + 1L));
    }
    return state;
  }

  private static Map<String, String> hand(
      Map<String, Map<String, String>> attributes, String device) {
    return attributes.getOrDefault(device, Map.of());
  }

  private static Map<String, String> ofUnit(
      Map<String, String> hand, String unit, Map<String, String> own) {
    Map<String, String> attributes = new HashMap<>(hand);
    attributes.remove(unit);
    String value = own.get(unit);
    if (value != null) {
      attributes.put(unit, value);
    }
    return attributes;
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
    if (!dealt) {
      unit = streams.unit().orElse(null);
    }
    deals.forEach(deal -> deal.ledger.register(version, streams));
  }

  /** Judges a window in every deal; windows must come in rising order. */
  public void judge(long window, List<DeviceWindow> devices) {
    if (!dealt) {
      dealt = true;
      deals.forEach(deal -> deal.attributes = dealt(attributes, unit, deal.seed));
    }
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
