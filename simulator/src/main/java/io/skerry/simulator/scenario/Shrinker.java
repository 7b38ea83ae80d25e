package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Finds few and short faults that still break a run: takes out halves, quarters, and so on to
 * single ones, as long as what is left still breaks it, until no single one can be left out
 * (Zeller's delta debugging, the removing half of it); then halves the fleet and the time, and lets
 * each fault last as short as it may.
 */
final class Shrinker {
  private static final int SHORTER = 16;
  private static final long DAY_MILLIS = Duration.ofDays(1).toMillis();

  private final Predicate<Size> breaks;
  private int left;

  /**
   * A run of a scenario.
   *
   * @param days before everything is healed
   */
  record Size(int devices, int days, List<Fault> faults) {
    Size {
      faults = List.copyOf(faults);
    }

    Size with(List<Fault> others) {
      return new Size(devices, days, others);
    }

    /** With fewer devices for fewer days, and those faults that are left then. */
    Size within(int fewer, int shorter) {
      return new Size(
          fewer,
          shorter,
          faults.stream()
              .filter(fault -> fault.device() < fewer && fault.at() < shorter * DAY_MILLIS)
              .toList());
    }
  }

  /**
   * @param breaks whether such a run breaks
   * @param runsMax runs that may be made
   */
  Shrinker(Predicate<Size> breaks, int runsMax) {
    this.breaks = breaks;
    this.left = runsMax;
  }

  /**
   * What is left of a run that breaks.
   *
   * @param devicesMin that its scenario takes
   * @param daysMin likewise
   */
  Size shrink(Size broken, int devicesMin, int daysMin) {
    Size kept = broken;
    for (int size = (kept.faults().size() + 1) / 2; size > 1; size = (size + 1) / 2) {
      kept = without(kept, size);
    }
    int before;
    do {
      before = kept.faults().size();
      kept = without(kept, 1);
    } while (kept.faults().size() < before && left > 0);
    return shorter(smaller(kept, devicesMin, daysMin));
  }

  private Size without(Size run, int size) {
    Size kept = run;
    int from = 0;
    while (from < kept.faults().size() && left > 0) {
      List<Fault> faults = kept.faults();
      List<Fault> fewer = new ArrayList<>(faults.subList(0, from));
      fewer.addAll(faults.subList(Math.min(faults.size(), from + size), faults.size()));
      if (stillBreaks(kept.with(fewer))) {
        kept = kept.with(fewer);
      } else {
        from += size;
      }
    }
    return kept;
  }

  private Size smaller(Size run, int devicesMin, int daysMin) {
    Size kept = run;
    boolean again = true;
    while (again && left > 0 && kept.devices() / 2 >= devicesMin) {
      Size fewer = kept.within(kept.devices() / 2, kept.days());
      again = stillBreaks(fewer);
      kept = again ? fewer : kept;
    }
    again = true;
    while (again && left > 0 && kept.days() / 2 >= daysMin) {
      Size shorter = kept.within(kept.devices(), kept.days() / 2);
      again = stillBreaks(shorter);
      kept = again ? shorter : kept;
    }
    return kept;
  }

  private Size shorter(Size run) {
    Size kept = run;
    for (int i = 0; i < kept.faults().size(); i++) {
      boolean again = true;
      while (again && left > 0 && kept.faults().get(i).lasts() >= SHORTER) {
        List<Fault> shorter = new ArrayList<>(kept.faults());
        shorter.set(i, shorter.get(i).lasting(shorter.get(i).lasts() / SHORTER));
        again = stillBreaks(kept.with(shorter));
        kept = again ? kept.with(shorter) : kept;
      }
    }
    return kept;
  }

  private boolean stillBreaks(Size run) {
    left--;
    return breaks.test(run);
  }
}
