package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Who has one say each: devices, or all devices of one value of the unit attribute together. */
final class Units {
  private final Explanations explanations;
  private final @Nullable String attribute;
  private final int statistics;

  /** One say. */
  static final class Unit {
    final float[] residuals;
    final int devices;
    final List<CohortState> cohorts;
    final boolean isExplained;

    private Unit(float[] residuals, int devices, List<CohortState> cohorts, boolean isExplained) {
      this.residuals = residuals;
      this.devices = devices;
      this.cohorts = cohorts;
      this.isExplained = isExplained;
    }
  }

  private Units(Explanations explanations, @Nullable String attribute, int statistics) {
    this.explanations = explanations;
    this.attribute = attribute;
    this.statistics = statistics;
  }

  /**
   * The units of devices.
   *
   * @param attribute that tells which devices have one say together; null = each has its own
   */
  static List<Unit> of(
      List<Judged> devices, Explanations explanations, @Nullable String attribute, int statistics) {
    return new Units(explanations, attribute, statistics).of(devices);
  }

  private List<Unit> of(List<Judged> devices) {
    List<Unit> units = new ArrayList<>(devices.size());
    Map<String, List<Judged>> shared = new TreeMap<>();
    for (Judged one : devices) {
      String value = attribute == null ? null : one.window().attributes().get(attribute);
      if (value != null) {
        shared.computeIfAbsent(value, key -> new ArrayList<>()).add(one);
      } else {
        units.add(single(one));
      }
    }
    shared.values().forEach(members -> addShared(members, units));
    return units;
  }

  // Members that differ in another attribute still share what disturbs them: one row per cohort.
  private void addShared(List<Judged> members, List<Unit> units) {
    Map<CohortState, List<Judged>> byCohort = new HashMap<>();
    List<Judged> peers = new ArrayList<>();
    for (Judged one : members) {
      Unit single = single(one);
      single.cohorts.forEach(
          cohort -> byCohort.computeIfAbsent(cohort, key -> new ArrayList<>()).add(one));
      if (!single.isExplained) {
        peers.add(one);
      }
    }
    byCohort.entrySet().stream()
        .sorted(Comparator.comparing(entry -> entry.getKey().cohort()))
        .forEach(
            entry ->
                units.add(
                    new Unit(
                        mean(entry.getValue()),
                        entry.getValue().size(),
                        List.of(entry.getKey()),
                        true)));
    if (!peers.isEmpty()) {
      units.add(new Unit(mean(peers), peers.size(), List.of(), false));
    }
  }

  private Unit single(Judged one) {
    if (!explanations.isEmpty()) {
      List<CohortState> out = explanations.statesHolding(one.device().attributes());
      if (!out.isEmpty()) {
        return new Unit(one.residuals(), 1, out, true);
      }
    }
    return new Unit(one.residuals(), 1, one.device().cohorts(), false);
  }

  private float[] mean(List<Judged> members) {
    float[] mean = new float[statistics];
    for (int s = 0; s < mean.length; s++) {
      float sum = 0;
      int count = 0;
      for (Judged one : members) {
        float value = one.residuals()[s];
        if (!Float.isNaN(value)) {
          sum += value;
          count++;
        }
      }
      mean[s] = count == 0 ? Float.NaN : sum / count;
    }
    return mean;
  }
}
