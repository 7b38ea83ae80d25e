package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Finds few faults that still break a run: takes out halves, quarters, and so on to single ones, as
 * long as what is left still breaks it (Zeller's delta debugging, the removing half of it).
 */
final class Shrinker {
  private final Predicate<List<Fault>> breaks;
  private int left;

  /**
   * @param breaks whether a run with these faults breaks
   * @param runsMax runs that may be made
   */
  Shrinker(Predicate<List<Fault>> breaks, int runsMax) {
    this.breaks = breaks;
    this.left = runsMax;
  }

  /** What is left of faults that break a run. */
  List<Fault> shrink(List<Fault> faults) {
    List<Fault> kept = List.copyOf(faults);
    for (int size = (kept.size() + 1) / 2; size >= 1; size = size == 1 ? 0 : (size + 1) / 2) {
      int from = 0;
      while (from < kept.size() && left > 0) {
        List<Fault> fewer = new ArrayList<>(kept.subList(0, from));
        fewer.addAll(kept.subList(Math.min(kept.size(), from + size), kept.size()));
        left--;
        if (breaks.test(fewer)) {
          kept = fewer;
        } else {
          from += size;
        }
      }
    }
    return kept;
  }
}
