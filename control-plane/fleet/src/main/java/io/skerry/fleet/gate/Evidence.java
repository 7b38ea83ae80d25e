package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SlotId;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;

/**
 * What was seen of a stage, counted from its opening, and of concurrent control devices.
 *
 * @param profiles by hardware profile; none of a unit, but for events that were kept when its parts
 *     were still summed
 * @param promise accuracy that the new version's evaluation promised
 * @param parts of a unit, each by its slot and beside its own version before; empty of one model
 * @param first of a unit's part, that no device ran another version in its slot before, whatever
 *     the other parts replace; false where the devices tell
 */
public record Evidence(
    Map<ProfileId, OfProfile> profiles,
    Map<ProfileId, OfProfile> alone,
    OptionalDouble promise,
    Map<SlotId, Evidence> parts,
    boolean first) {
  /** Nothing was seen. */
  public static final Evidence NONE = new Evidence(Map.of(), OptionalDouble.empty());

  /** A kept event may be older than {@code alone}, {@code parts} or {@code first}: it has none. */
  public Evidence {
    profiles = inOrder(profiles);
    alone = inOrder(Objects.requireNonNullElse(alone, Map.of()));
    Map<SlotId, Evidence> bySlot = new TreeMap<>(Comparator.comparing(SlotId::value));
    bySlot.putAll(Objects.requireNonNullElse(parts, Map.of()));
    parts = Collections.unmodifiableMap(bySlot);
  }

  // By name, so that verdicts come in the same order whenever they are judged.
  private static Map<ProfileId, OfProfile> inOrder(Map<ProfileId, OfProfile> profiles) {
    Map<ProfileId, OfProfile> ordered = new TreeMap<>(Comparator.comparing(ProfileId::value));
    ordered.putAll(profiles);
    return Collections.unmodifiableMap(ordered);
  }

  /** Of one model, in a first stage. */
  public Evidence(Map<ProfileId, OfProfile> profiles, OptionalDouble promise) {
    this(profiles, Map.of(), promise, Map.of(), false);
  }

  /** Of one model. */
  public Evidence(
      Map<ProfileId, OfProfile> profiles, Map<ProfileId, OfProfile> alone, OptionalDouble promise) {
    this(profiles, alone, promise, Map.of(), false);
  }

  /** Of a unit. */
  public static Evidence of(Map<SlotId, Evidence> parts) {
    return new Evidence(Map.of(), Map.of(), OptionalDouble.empty(), parts, false);
  }

  /** The same of a unit's part that is the first in its slot on every device. */
  public Evidence asFirst() {
    return new Evidence(profiles, alone, promise, parts, true);
  }

  /** What the devices of the open stage alone show. */
  Evidence ofStage() {
    return new Evidence(alone, promise);
  }

  /** The same of these profiles only; of one that nothing was seen of, that. */
  Evidence of(Set<ProfileId> some) {
    Map<ProfileId, OfProfile> kept = new HashMap<>();
    some.forEach(
        profile -> kept.put(profile, profiles.getOrDefault(profile, new OfProfile(Map.of()))));
    return new Evidence(kept, promise);
  }

  /**
   * One hardware profile.
   *
   * @param metrics what was counted; absent means never seen
   */
  public record OfProfile(Map<Metric, Comparison> metrics) {
    public OfProfile {
      metrics = Map.copyOf(metrics);
    }

    /** Devices that were seen with the new version, by whatever it does. */
    long devices() {
      return metrics.entrySet().stream()
          // These may have only been ordered it.
          .filter(one -> one.getKey() != Metric.LOST_DEVICES)
          .mapToLong(one -> one.getValue().newer().devices())
          .max()
          .orElse(0);
    }

    /**
     * Control devices that were seen, by whatever they do.
     *
     * @param trial where each device is its own control, but for its process
     */
    long controls(boolean trial) {
      return metrics.entrySet().stream()
          .filter(one -> one.getKey() != Metric.LOST_DEVICES)
          .filter(one -> !trial || !one.getKey().isOfProcess())
          .mapToLong(one -> one.getValue().older().devices())
          .max()
          .orElse(0);
    }

    Comparison of(Metric metric) {
      return metrics.getOrDefault(metric, Comparison.NONE);
    }

    /** Windows that told nothing of the metric, for their device added bins up. */
    Comparison untold(Metric metric) {
      return metric.untold().map(this::of).orElse(Comparison.NONE);
    }
  }
}
