package io.skerry.telemetry.drift;

import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What is taken off devices because their cohort is so on this weekday ({@link WeekCourse}); of
 * each statistic by the one attribute whose cohorts differ most through the week. Only where a
 * season is known.
 */
final class WeekCourses {
  private static final int SLOTS_MAX = 8;

  private final DriftSettings settings;
  private final int day;
  private final int windows;
  private final Map<Cohort, WeekCourse> courses = new TreeMap<>();
  // Of the window under judgement.
  private int[] active = {};
  private final Map<Cohort, Sums> sums = new HashMap<>();
  private Sums total = new Sums(0);

  /** What was taken off some devices, and allowed for, by place among the active statistics. */
  private static final class Sums {
    private final double[] taken;
    private final double[] allowed;
    private final int[] told;
    // Of those among the fleet's rows.
    private final double[] ownTaken;
    private final double[] ownAllowed;
    private final int[] ownTold;

    Sums(int active) {
      taken = new double[active];
      allowed = new double[active];
      told = new int[active];
      ownTaken = new double[active];
      ownAllowed = new double[active];
      ownTold = new int[active];
    }

    void add(int at, float off, float allowance, boolean isOwn) {
      taken[at] += off;
      allowed[at] += allowance;
      told[at]++;
      if (isOwn) {
        ownTaken[at] += off;
        ownAllowed[at] += allowance;
        ownTold[at]++;
      }
    }
  }

  WeekCourses(DriftSettings settings) {
    this.settings = settings;
    this.day = slots(settings.seasonWindows());
    this.windows = settings.seasonWindows() / day;
  }

  // Of a day, alike in length: a few hours each.
  private static int slots(int seasonWindows) {
    return IntStream.rangeClosed(1, SLOTS_MAX)
        .filter(slots -> seasonWindows % slots == 0)
        .max()
        .orElse(1);
  }

  void write(StateWriter to) {
    to.putInt(courses.size());
    courses.forEach(
        (cohort, course) -> {
          to.putTerms(cohort);
          course.write(to);
        });
  }

  void read(StateReader from, int statistics) {
    for (int left = from.getCount(DriftLedger.COUNT_MAX); left > 0; left--) {
      Cohort cohort = from.getTerms();
      WeekCourse course = new WeekCourse(statistics, day, windows);
      course.read(from);
      courses.put(cohort, course);
    }
  }

  /** Forgets the courses of these. */
  void forget(Collection<Cohort> cohorts) {
    cohorts.stream().map(courses::get).filter(Objects::nonNull).forEach(WeekCourse::forget);
  }

  /** Forgets cohorts that are judged no more. */
  void retain(Collection<Cohort> judged) {
    courses.keySet().retainAll(judged);
  }

  /** The devices of a window without what is of the weekday. */
  List<Judged> without(
      long window,
      FleetState fleet,
      Memberships memberships,
      Explanations explanations,
      List<Judged> devices) {
    sums.clear();
    active = new int[0];
    if (settings.seasonWindows() < 2) {
      return devices;
    }
    long slot = Math.floorDiv(window, (long) windows);
    for (CohortState one : memberships.judged().values()) {
      WeekCourse course =
          courses.computeIfAbsent(
              one.cohort(), cohort -> new WeekCourse(fleet.statistics().size(), day, windows));
      if (!course.lastsIn(slot)) {
        course.begin(slot, least(fleet, one));
      }
    }
    @Nullable String[] attributes = attributes(fleet, memberships);
    active = IntStream.range(0, attributes.length).filter(s -> attributes[s] != null).toArray();
    total = new Sums(active.length);
    return active.length == 0
        ? devices
        : devices.stream().map(one -> without(one, attributes, explanations)).toList();
  }

  // Nobody shall get used to wrong predictions.
  private float[] least(FleetState fleet, CohortState cohort) {
    float[] least = new float[fleet.statistics().size()];
    for (int s = 0; s < least.length; s++) {
      double error = cohort.error(s);
      boolean isHarm = fleet.statistics().stream(s).kind() == Stream.Kind.ERROR;
      least[s] =
          isHarm || !(error > 0)
              ? Float.POSITIVE_INFINITY
              : (float) (settings.baselineZ() * error * Math.sqrt(fleet.meanPart(s, windows)));
    }
    return least;
  }

  // The attribute by which each statistic goes; null where it has no course now.
  private @Nullable String[] attributes(FleetState fleet, Memberships memberships) {
    int size = fleet.statistics().size();
    Map<String, double[]> differ = new TreeMap<>();
    courses.forEach(
        (cohort, one) -> {
          float[] course = one.course();
          float[] allowance = one.allowance();
          if (course == null || allowance == null) {
            return;
          }
          double[] sum =
              differ.computeIfAbsent(
                  cohort.terms().getFirst().attribute(), unused -> new double[size]);
          int devices = memberships.devices(cohort);
          for (int s = 0; s < size; s++) {
            sum[s] += devices * ((double) course[s] * course[s] + allowance[s] * allowance[s]);
          }
        });
    @Nullable String[] attributes = new String[size];
    double[] most = new double[size];
    differ.forEach(
        (attribute, sum) -> {
          for (int s = 0; s < size; s++) {
            if (sum[s] > most[s]) {
              most[s] = sum[s];
              attributes[s] = attribute;
            }
          }
        });
    return attributes;
  }

  private Judged without(Judged one, @Nullable String[] attributes, Explanations explanations) {
    float[] off = new float[active.length];
    float[] allowed = new float[active.length];
    for (Members of : one.device().memberships()) {
      WeekCourse known = courses.get(of.cohort);
      float[] course = known == null ? null : known.course();
      float[] allowance = known == null ? null : known.allowance();
      if (course != null && allowance != null) {
        String attribute = of.cohort.terms().getFirst().attribute();
        for (int at = 0; at < active.length; at++) {
          if (attribute.equals(attributes[active[at]])) {
            off[at] = course[active[at]];
            allowed[at] = allowance[active[at]];
          }
        }
      }
    }
    add(one, off, allowed, explanations);
    float[] residuals = one.residuals().clone();
    for (int at = 0; at < active.length; at++) {
      residuals[active[at]] -= off[at];
    }
    return one.with(residuals);
  }

  private void add(Judged one, float[] off, float[] allowed, Explanations explanations) {
    List<CohortState> out = explanations.statesHolding(one.device().attributes());
    boolean isPeer = out.isEmpty();
    for (CohortState cohort : isPeer ? one.device().cohorts() : out) {
      Sums of = sums.computeIfAbsent(cohort.cohort(), unused -> new Sums(active.length));
      add(of, one, off, allowed, isPeer);
    }
    if (isPeer) {
      add(total, one, off, allowed, true);
    }
  }

  private void add(Sums to, Judged one, float[] off, float[] allowed, boolean isPeer) {
    for (int at = 0; at < active.length; at++) {
      if (!Float.isNaN(one.residuals()[active[at]])) {
        to.add(at, off[at], allowed[at], isPeer);
      }
    }
  }

  /** How far a cohort may be from its peers, for where its course or theirs lies is not certain. */
  double allowance(CohortState cohort, int statistic) {
    int at = Arrays.binarySearch(active, statistic);
    Sums of = sums.get(cohort.cohort());
    return at < 0 || of == null
        ? 0
        : of.allowed[at] / Math.max(1, of.told[at])
            + (total.ownAllowed[at] - of.ownAllowed[at])
                / Math.max(1, total.ownTold[at] - of.ownTold[at]);
  }

  /** Learns how far the cohorts of the window were from their peers, with what was taken off. */
  void learn(Collection<CohortState> judged) {
    for (CohortState cohort : judged) {
      WeekCourse course = courses.get(cohort.cohort());
      if (course != null) {
        cohort.forEachEffect((s, effect) -> course.learn(s, effect + taken(cohort, s)));
      }
    }
  }

  /** What of a cohort's distance from its peers was taken off. */
  double taken(CohortState cohort, int statistic) {
    int at = Arrays.binarySearch(active, statistic);
    Sums of = sums.get(cohort.cohort());
    return at < 0 || of == null
        ? 0
        : of.taken[at] / Math.max(1, of.told[at])
            - (total.ownTaken[at] - of.ownTaken[at])
                / Math.max(1, total.ownTold[at] - of.ownTold[at]);
  }
}
