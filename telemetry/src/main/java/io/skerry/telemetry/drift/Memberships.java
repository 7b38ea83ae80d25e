package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Which cohorts there are, and the states of those that had devices enough to be judged. */
final class Memberships {
  private final int devicesMin;
  private final Map<Cohort, Members> all = new HashMap<>();
  private final Map<Cohort, CohortState> judged = new TreeMap<>();

  Memberships(int devicesMin) {
    this.devicesMin = devicesMin;
  }

  void write(StateWriter to) {
    to.putInt(judged.size());
    judged.forEach(
        (cohort, one) -> {
          to.putTerms(cohort);
          one.write(to);
        });
  }

  void read(StateReader from, int statistics) {
    for (int left = from.getCount(DriftLedger.COUNT_MAX); left > 0; left--) {
      Cohort cohort = from.getTerms();
      CohortState one = new CohortState(cohort, statistics);
      one.read(from);
      judged.put(cohort, one);
    }
  }

  /** The cohorts of a device, by attribute. */
  List<Members> of(Map<String, String> attributes) {
    List<Members> members = new ArrayList<>();
    new TreeMap<>(attributes)
        .forEach(
            (attribute, value) ->
                members.add(
                    all.computeIfAbsent(
                        new Cohort(attribute, value),
                        cohort -> new Members(cohort, judged.get(cohort)))));
    return List.copyOf(members);
  }

  /** Devices of a cohort, in the window or not. */
  int devices(Cohort cohort) {
    Members members = all.get(cohort);
    return members == null ? 0 : members.devices;
  }

  /** Whether a cohort has devices enough, in the window or not. */
  boolean areEnough(Cohort cohort) {
    return devices(cohort) >= devicesMin;
  }

  /** The states of the cohorts that are judged, in their order. */
  Map<Cohort, CohortState> judged() {
    return judged;
  }

  @Nullable CohortState judged(Cohort cohort) {
    return judged.get(cohort);
  }

  /**
   * Forgets the cohorts that no device is in any more. Detectors that start again later have lost
   * evidence, which breaks no promise.
   *
   * @param kept whose states are needed all the same
   */
  void forgetEmpty(Predicate<Cohort> kept) {
    all.values().removeIf(one -> one.devices == 0);
    judged.keySet().removeIf(cohort -> devices(cohort) == 0 && !kept.test(cohort));
  }

  /** Makes states of the cohorts that have devices enough in this window for the first time. */
  void judgeWhereThereAreEnough(List<Judged> devices, int statistics) {
    all.values().forEach(one -> one.judged = 0);
    for (Judged one : devices) {
      for (Members members : one.device().memberships()) {
        members.judged++;
        if (members.state == null && members.judged >= devicesMin) {
          members.state = new CohortState(members.cohort, statistics);
          judged.put(members.cohort, members.state);
        }
      }
    }
  }
}
