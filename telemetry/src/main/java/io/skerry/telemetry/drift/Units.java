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

  /**
   * One say.
   *
   * <p>Of a cohort whose members are some of a unit's devices the unit speaks twice: its members
   * for the cohort, the others for the peers. The row of all of them is then no peer.
   */
  static final class Unit {
    final float[] residuals;
    final int devices;
    final List<CohortState> cohorts;
    // Whether it is one of the fleet's rows.
    final boolean isCounted;
    // The fleet's row that the cohorts' members are part of; none where they are explained.
    final float @Nullable [] whole;
    // Of those in that row that are no members; none where all are.
    final float @Nullable [] rest;

    private Unit(
        float[] residuals,
        int devices,
        List<CohortState> cohorts,
        boolean isCounted,
        float @Nullable [] whole,
        float @Nullable [] rest) {
      this.residuals = residuals;
      this.devices = devices;
      this.cohorts = cohorts;
      this.isCounted = isCounted;
      this.whole = whole;
      this.rest = rest;
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
    Map<CohortState, List<Judged>> explained = new HashMap<>();
    Map<CohortState, List<Judged>> judged = new HashMap<>();
    List<Judged> counted = new ArrayList<>();
    for (Judged one : members) {
      Unit single = single(one);
      Map<CohortState, List<Judged>> byCohort = single.isCounted ? judged : explained;
      single.cohorts.forEach(
          cohort -> byCohort.computeIfAbsent(cohort, key -> new ArrayList<>()).add(one));
      if (single.isCounted) {
        counted.add(one);
      }
    }
    sorted(explained)
        .forEach(
            (cohort, of) ->
                units.add(new Unit(mean(of), of.size(), List.of(cohort), false, null, null)));
    if (counted.isEmpty()) {
      return;
    }
    float[] whole = mean(counted);
    sorted(judged)
        .forEach(
            (cohort, of) -> {
              boolean isAll = of.size() == counted.size();
              float[] rest = isAll ? null : mean(others(counted, of));
              float[] own = isAll ? whole : mean(of);
              units.add(new Unit(own, of.size(), List.of(cohort), false, whole, rest));
            });
    units.add(new Unit(whole, counted.size(), List.of(), true, null, null));
  }

  private static Map<CohortState, List<Judged>> sorted(Map<CohortState, List<Judged>> byCohort) {
    Map<CohortState, List<Judged>> sorted =
        new TreeMap<>(Comparator.comparing(CohortState::cohort));
    sorted.putAll(byCohort);
    return sorted;
  }

  // Both in the same order.
  private static List<Judged> others(List<Judged> all, List<Judged> members) {
    List<Judged> others = new ArrayList<>(all.size() - members.size());
    int next = 0;
    for (Judged one : all) {
      if (next < members.size() && members.get(next) == one) {
        next++;
      } else {
        others.add(one);
      }
    }
    return others;
  }

  private Unit single(Judged one) {
    float[] own = one.residuals();
    if (!explanations.isEmpty()) {
      List<CohortState> out = explanations.statesHolding(one.device().attributes());
      if (!out.isEmpty()) {
        return new Unit(own, 1, out, false, null, null);
      }
    }
    return new Unit(own, 1, one.device().cohorts(), true, own, null);
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
