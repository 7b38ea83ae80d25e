package io.skerry.simulator.world;

import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.Metric;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What was seen of a rollout's open stage, and from what on it counts: rows, as the server's. */
final class StageArms {
  private static final OptionalDouble PROMISE = OptionalDouble.of(.8);

  private final boolean trial;
  private final Map<Key, Arm> arms = new LinkedHashMap<>();
  private Edges edges = Edges.NONE;

  private record Key(int part, DeviceId device, boolean newer) {}

  /**
   * Fixed before the stage has any evidence, so that what is then counted has no part in the
   * choice.
   *
   * @param slow from which bin on a latency is slow, of each part
   * @param budgets from which bin on a latency is over its profile's budget
   * @param resolutions neighbouring bins that are compared as one, of each part
   * @param ranges in which amounts are off, of each part; null where it says none
   */
  record Edges(
      List<Map<ProfileId, Integer>> slow,
      Map<ProfileId, Integer> budgets,
      List<Map<ProfileId, Integer>> resolutions,
      List<@Nullable Double> ranges) {
    static final Edges NONE = new Edges(List.of(), Map.of(), List.of(), List.of());
  }

  /**
   * @param trial whether a device is its own control
   */
  StageArms(boolean trial) {
    this.trial = trial;
  }

  /** The next stage opens. */
  void open(Edges fixed) {
    edges = fixed;
    arms.clear();
  }

  Edges edges() {
    return edges;
  }

  /** The row of a version on a device, to count in. */
  Arm counting(int part, DeviceId device, boolean newer, ProfileId profile, boolean own) {
    return arms.computeIfAbsent(new Key(part, device, newer), key -> new Arm(profile, own));
  }

  /** Devices that told something of the version before. */
  Map<DeviceId, ProfileId> controls() {
    Map<DeviceId, ProfileId> controls = new LinkedHashMap<>();
    arms.forEach(
        (key, arm) -> {
          if (!key.newer()) {
            controls.put(key.device(), arm.profile);
          }
        });
    return controls;
  }

  /** Devices that told something of the new version. */
  Set<DeviceId> tellingOfNew() {
    Set<DeviceId> telling = new HashSet<>();
    arms.keySet().stream().filter(Key::newer).map(Key::device).forEach(telling::add);
    return telling;
  }

  /**
   * What gates judge of one part.
   *
   * @param stage the open one
   * @param lost devices that are away
   */
  Evidence evidence(int part, int stage, LostDevices lost) {
    return new Evidence(
        compared(part, (key, arm, metric) -> true, lost.all()),
        // Everybody's controls are those not touched yet; on trial each is its own, but for its
        // process.
        stage == 0
            ? Map.of()
            : compared(
                part,
                (key, arm, metric) -> arm.own || (!key.newer() && (!trial || metric.isOfProcess())),
                lost.alone()),
        PROMISE);
  }

  private interface Judged {
    boolean test(Key key, Arm arm, Metric metric);
  }

  private Map<ProfileId, Evidence.OfProfile> compared(
      int part, Judged which, Map<ProfileId, Comparison> lost) {
    Map<ProfileId, EnumMap<Metric, Comparison>> profiles = new LinkedHashMap<>();
    arms.forEach(
        (key, arm) -> {
          if (key.part() == part) {
            add(key, arm, which, profiles);
          }
        });
    lost.forEach(
        (profile, one) ->
            profiles
                .computeIfAbsent(profile, unused -> new EnumMap<>(Metric.class))
                .put(Metric.LOST_DEVICES, one));
    Map<ProfileId, Evidence.OfProfile> seen = new LinkedHashMap<>();
    profiles.forEach((profile, metrics) -> seen.put(profile, new Evidence.OfProfile(metrics)));
    return seen;
  }

  private static void add(
      Key key, Arm arm, Judged which, Map<ProfileId, EnumMap<Metric, Comparison>> profiles) {
    for (Metric metric : Metric.values()) {
      double trials = arm.counts.trials(metric);
      if (trials > 0 && which.test(key, arm, metric)) {
        EnumMap<Metric, Comparison> metrics =
            profiles.computeIfAbsent(arm.profile, unused -> new EnumMap<>(Metric.class));
        Comparison before = metrics.getOrDefault(metric, Comparison.NONE);
        double hits = arm.counts.hits(metric);
        metrics.put(
            metric,
            key.newer()
                ? new Comparison(before.newer().plus(trials, hits), before.older())
                : new Comparison(before.newer(), before.older().plus(trials, hits)));
      }
    }
  }
}
