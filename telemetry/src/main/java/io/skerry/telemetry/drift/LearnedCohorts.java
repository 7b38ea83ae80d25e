package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/** What the devices of the fleet, and of each value of an attribute, counted while they learned. */
final class LearnedCohorts {
  // Values of an attribute of which counts are learned before they have devices enough to be
  // judged.
  private static final int VALUES_MAX = 256;

  private final Memberships memberships;
  private final Map<Cohort, LearnedCounts> learned = new TreeMap<>();
  // Of how many values of an attribute.
  private final Map<String, Integer> values = new HashMap<>();
  // How often the whole fleet has learned anew.
  private int relearned;

  LearnedCohorts(Memberships memberships) {
    this.memberships = memberships;
  }

  void write(StateWriter to) {
    to.putInt(relearned);
    to.putInt(learned.size());
    learned.forEach(
        (cohort, counts) -> {
          to.putTerms(cohort);
          counts.write(to);
        });
  }

  void read(StateReader from, Map<ModelVersion, Statistics.Reader> versions, int format) {
    relearned = format > DriftLedger.STATE_FORMAT_ONCE ? from.getInt() : 0;
    for (int left = from.getCount(DriftLedger.COUNT_MAX); left > 0; left--) {
      Cohort cohort = from.getTerms();
      learned.put(cohort, LearnedCounts.read(from, versions, format));
      cohort.terms().forEach(term -> values.merge(term.attribute(), 1, Integer::sum));
    }
  }

  /** By cohort, in their order. */
  Map<Cohort, LearnedCounts> counts() {
    return learned;
  }

  /** Adds windows of devices that learn, and the outputs of those that learn these alone. */
  void learn(List<DeviceWindow> learners, List<DeviceWindow> speakers, double limit) {
    learners.forEach(one -> learn(one, limit, false));
    speakers.forEach(one -> learn(one, limit, true));
  }

  /**
   * What the fleet counts from here on is what it is held against.
   *
   * @param kept cohorts that are explained: what they count now is no measure of anything
   */
  void learnAnew(Predicate<Cohort> kept) {
    learned.keySet().stream().filter(kept.negate()).toList().forEach(this::forget);
    relearned++;
  }

  /** How often the whole fleet has learned anew. */
  int relearned() {
    return relearned;
  }

  /** Forgets the counts of versions that nobody learned under any more, and cohorts without any. */
  void retain(Set<ModelVersion> learnedUnder) {
    learned.values().forEach(counts -> counts.retain(learnedUnder));
    learned.entrySet().stream()
        .filter(entry -> entry.getValue().isEmpty())
        .map(Map.Entry::getKey)
        .toList()
        .forEach(this::forget);
  }

  // How many devices of a cohort learned under a version, and how many of them learn anew.
  private static final class Leaving {
    private int all;
    private int leaving;

    static void count(Map<ModelVersion, Leaving> of, ModelVersion version, boolean leaves) {
      of.computeIfAbsent(version, key -> new Leaving()).count(leaves);
    }

    void count(boolean leaves) {
      all++;
      leaving += leaves ? 1 : 0;
    }

    double kept() {
      return all == 0 ? 1 : 1 - leaving / (double) all;
    }

    static Map<ModelVersion, Double> kept(Map<ModelVersion, Leaving> of) {
      Map<ModelVersion, Double> kept = new HashMap<>();
      of.forEach((version, one) -> kept.put(version, one.kept()));
      return kept;
    }
  }

  private static final class LeavingCohort {
    private final Map<ModelVersion, Leaving> under = new HashMap<>();
    private final Map<ModelVersion, Leaving> speaking = new HashMap<>();
    private final Leaving whole = new Leaving();
    private boolean isLeft;

    // What a device learned before the counts were begun again is no part of them: it was in a
    // cohort that was explained when the fleet learned anew.
    void count(Device device, int begunAfter, boolean leaves) {
      if (!device.learnedUnder().isEmpty() && device.learnedAfter() >= begunAfter) {
        device.learnedUnder().forEach(version -> Leaving.count(under, version, leaves));
        whole.count(leaves);
        isLeft |= leaves;
      }
      ModelVersion running = device.version();
      if (running != null && device.speaks(running) && device.spokeAfter() >= begunAfter) {
        Leaving.count(speaking, running, leaves);
        isLeft |= leaves;
      }
    }
  }

  /**
   * The devices of a cohort learn anew: what they counted leaves every cohort that they are in. How
   * much of a cohort's counts is theirs is not kept, so that each counts for as much as any other;
   * they all learned from as many windows.
   */
  void leave(Cohort cohort, FleetDevices devices, Map<ModelVersion, Statistics.Reader> versions) {
    Map<Cohort, LeavingCohort> of = new HashMap<>();
    devices.forEach(
        device -> {
          boolean leaves = cohort.holds(device.attributes());
          count(of, Cohort.FLEET, device, leaves);
          device.memberships().forEach(one -> count(of, one.cohort, device, leaves));
        });
    for (Cohort learnedOf : List.copyOf(learned.keySet())) {
      LeavingCohort leaving = of.get(learnedOf);
      LearnedCounts counts = learned.get(learnedOf);
      if (leaving != null && counts != null && leaving.isLeft) {
        boolean left =
            counts.keep(
                Leaving.kept(leaving.under),
                Leaving.kept(leaving.speaking),
                leaving.whole.kept(),
                versions);
        if (!left) {
          forget(learnedOf);
        }
      }
    }
  }

  private void count(Map<Cohort, LeavingCohort> of, Cohort cohort, Device device, boolean leaves) {
    LearnedCounts counts = learned.get(cohort);
    if (counts != null) {
      of.computeIfAbsent(cohort, key -> new LeavingCohort())
          .count(device, counts.begunAfter(), leaves);
    }
  }

  private void learn(DeviceWindow one, double limit, boolean outputsOnly) {
    double share = DeviceShare.of(one.counted(), limit);
    learn(Cohort.FLEET, one, share, outputsOnly);
    one.attributes()
        .forEach(
            (attribute, value) -> {
              Cohort cohort = new Cohort(attribute, value);
              if (isLearned(cohort, attribute)) {
                learn(cohort, one, share, outputsOnly);
              }
            });
  }

  // Tens of kilobytes a value: a label may have another one on each of many thousand devices.
  private boolean isLearned(Cohort cohort, String attribute) {
    if (learned.containsKey(cohort)) {
      return true;
    }
    if (!memberships.areEnough(cohort) && values.getOrDefault(attribute, 0) >= VALUES_MAX) {
      return false;
    }
    values.merge(attribute, 1, Integer::sum);
    return true;
  }

  private void learn(Cohort cohort, DeviceWindow one, double share, boolean outputsOnly) {
    LearnedCounts counts = learned.computeIfAbsent(cohort, key -> new LearnedCounts(relearned));
    if (outputsOnly) {
      counts.addOutputs(one.version(), one.counts(), share);
    } else {
      counts.add(one.version(), one.counts(), share);
    }
  }

  /**
   * Whether all values of an attribute that devices learned under were learned: there is a list of
   * a cohort's peers then.
   */
  boolean isWhole(String attribute) {
    return values.getOrDefault(attribute, 0) < VALUES_MAX;
  }

  /**
   * Forgets what is beyond the bound and not of devices enough: such values had them once, or were
   * learned by a build that knew no bound. Those with the fewest devices go, then those that
   * learned least.
   */
  void forgetBeyondBound() {
    List<String> over =
        values.entrySet().stream()
            .filter(entry -> entry.getValue() > VALUES_MAX)
            .map(Map.Entry::getKey)
            .sorted()
            .toList();
    for (String attribute : over) {
      Comparator<Cohort> byDevices = Comparator.comparingInt(memberships::devices);
      learned.keySet().stream()
          .filter(
              cohort -> cohort.terms().stream().anyMatch(of -> of.attribute().equals(attribute)))
          .filter(cohort -> !memberships.areEnough(cohort))
          .sorted(
              byDevices
                  .thenComparingLong(
                      cohort -> Objects.requireNonNull(learned.get(cohort)).windows())
                  .thenComparing(Comparator.naturalOrder()))
          .limit(values.getOrDefault(attribute, 0) - VALUES_MAX)
          .toList()
          .forEach(this::forget);
    }
  }

  /** What was learned before is no measure of what is right from here on. */
  void forget(Cohort cohort) {
    if (learned.remove(cohort) != null && !cohort.equals(Cohort.FLEET)) {
      values.merge(cohort.terms().getFirst().attribute(), -1, Integer::sum);
    }
  }
}
