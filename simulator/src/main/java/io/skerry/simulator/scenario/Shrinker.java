package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Finds few and short faults that still break a run: takes out halves, quarters, and so on to
 * single ones, as long as what is left still breaks it, until no single one can be left out
 * (Zeller's delta debugging, the removing half of it); then lets each last as short as it may.
 */
final class Shrinker {
  private static final int SHORTER = 16;

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
    for (int size = (kept.size() + 1) / 2; size > 1; size = (size + 1) / 2) {
      kept = without(kept, size);
    }
    int before;
    do {
      before = kept.size();
      kept = without(kept, 1);
    } while (kept.size() < before && left > 0);
    return shorter(kept);
  }

  private List<Fault> without(List<Fault> faults, int size) {
    List<Fault> kept = faults;
    int from = 0;
    while (from < kept.size() && left > 0) {
      List<Fault> fewer = new ArrayList<>(kept.subList(0, from));
      fewer.addAll(kept.subList(Math.min(kept.size(), from + size), kept.size()));
      if (stillBreaks(fewer)) {
        kept = fewer;
      } else {
        from += size;
      }
    }
    return kept;
  }

  private List<Fault> shorter(List<Fault> faults) {
    List<Fault> kept = faults;
    for (int i = 0; i < kept.size(); i++) {
      boolean again = true;
      while (again && left > 0 && kept.get(i).lasts() >= SHORTER) {
        List<Fault> shorter = new ArrayList<>(kept);
        shorter.set(i, kept.get(i).lasting(kept.get(i).lasts() / SHORTER));
        again = stillBreaks(shorter);
        kept = again ? shorter : kept;
      }
    }
    return kept;
  }

  private boolean stillBreaks(List<Fault> faults) {
    left--;
    return breaks.test(faults);
  }
}
