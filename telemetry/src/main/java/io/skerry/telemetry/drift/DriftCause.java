package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Of everything that moved: the conjunction of at most two attributes that explains most of it, and
 * the input feature that moved most there.
 *
 * <p>A conjunction explains the part of the spread between devices that lies between its members
 * and the others: {@code n m / (n + m) (mean_in - mean_out)^2}. A part of the true cohort has fewer
 * members, a larger one a smaller mean, so that the true one explains most; each kind of
 * conjunction pays for how many there are of it.
 */
final class DriftCause {
  private final DriftSettings settings;
  private final Statistics statistics;
  private final Map<Cohort, CohortState> cohorts;
  private final LearnedCohorts learned;
  private final Map<ModelVersion, Statistics.Reader> versions;
  private final @Nullable ModelVersion leading;
  private final @Nullable String unit;
  private final TwoSides sides;

  /**
   * Of one window.
   *
   * @param leading the version whose outputs are compared, if any leads
   * @param level of the fleet, if any
   * @param unit the attribute whose values have one say each; null = devices have
   */
  DriftCause(
      DriftSettings settings,
      Statistics statistics,
      Map<Cohort, CohortState> cohorts,
      LearnedCohorts learned,
      Map<ModelVersion, Statistics.Reader> versions,
      @Nullable ModelVersion leading,
      @Nullable FleetLevel level,
      @Nullable String unit) {
    this.settings = settings;
    this.statistics = statistics;
    this.cohorts = cohorts;
    this.learned = learned;
    this.versions = versions;
    this.leading = leading;
    this.unit = unit;
    this.sides = new TwoSides(statistics, level);
  }

  /** How far members and others are from their baselines; effect and error are over units. */
  private record Split(int members, int others, double effect, double error) {
    double z() {
      return error > 0 ? Math.abs(effect) / error : 0;
    }
  }

  private static final class Sums {
    private int count;
    private double sum;
    private double squares;

    void add(double value) {
      count++;
      sum += value;
      squares += value * value;
    }

    static Sums of(UnitValues values) {
      Sums sums = new Sums();
      values.values().forEach(sums::add);
      return sums;
    }

    double mean() {
      return sum / count;
    }

    // Of a single one nothing is known but how much the others differ.
    double variance(Sums others) {
      Sums told = count > 1 ? this : others;
      return told.spread() / Math.max(1, told.count - 1);
    }

    double spread() {
      return Math.max(0, squares - sum * sum / count);
    }
  }

  /**
   * What explains most.
   *
   * @param rival the cohort of all others, which explains as much; null where it is none
   */
  private record Explanation(Cohort cohort, double score, @Nullable Cohort rival) {}

  /** A finding, with the counts that its effect was measured on; no edges of an output's. */
  record Found(
      DriftFinding finding, List<Double> edges, List<Long> expected, List<Long> observed) {}

  private record Compared(EffectSize size, List<Long> expected, List<Long> observed) {
    private static final Compared NONE = new Compared(EffectSize.NONE, List.of(), List.of());
  }

  private Found found(DriftFinding finding, int input, Compared compared) {
    return new Found(
        finding,
        compared.expected().isEmpty() || input < 0 ? List.of() : statistics.edges(input),
        compared.expected(),
        compared.observed());
  }

  Found find(long window, List<StreamVerdict> fired, List<Judged> devices) {
    StreamVerdict strongest =
        fired.stream().max(Comparator.comparingDouble(StreamVerdict::logEvidence)).orElseThrow();
    int leading = statistics.streams().indexOf(strongest.stream());
    Explanation best = best(leading, devices, 0, strongest.cohort());
    Cohort rival = best.rival();
    int moved = moved(best.cohort(), devices, leading);
    TwoSides.Side side =
        rival == null
            ? new TwoSides.Side(best.cohort(), null)
            : sides.moved(best.cohort(), rival, moved, devices);
    Cohort cohort = side.moved();
    Split split = split(moved, cohort, devices);
    double before = best(moved, devices, 0, cohort).score();
    double after = best(moved, devices, split.effect(), cohort).score();
    Stream stream = statistics.stream(moved);
    long[] onset = onset(cohort, moved, leading, window);
    int input = statistics.inputOf(stream);
    Compared compared =
        input < 0
            ? compared(stream, cohort, devices)
            : compared(input, cohort, devices, split.effect(), split.error(), stream.kind());
    DriftFinding finding =
        new DriftFinding(
            cohort,
            statistics.named(stream),
            stream,
            onset[0],
            onset[1],
            window,
            Estimate.around(split.effect(), split.error()),
            compared.size(),
            split.members(),
            split.others(),
            predictions(cohort, devices),
            before > 0 ? Math.clamp(1 - after / before, 0, 1) : 0,
            strongest.logEvidence(),
            strongest.logThreshold(),
            strongest.cohort(),
            strongest.stream(),
            side.otherwise());
    return found(finding, input, compared);
  }

  /**
   * What moved the whole fleet: of the inputs among what fired, if any, the strongest.
   *
   * @param fired streams of the fleet
   */
  Found findFleet(long window, List<StreamVerdict> fired, List<Judged> devices, FleetLevel level) {
    Comparator<StreamVerdict> byEvidence = Comparator.comparingDouble(StreamVerdict::logEvidence);
    StreamVerdict strongest = fired.stream().max(byEvidence).orElseThrow();
    StreamVerdict moved =
        fired.stream()
            .filter(one -> one.stream().kind().isInput())
            .max(byEvidence)
            .orElse(strongest);
    Stream stream = moved.stream();
    long[] onset = level.onset(statistics.streams().indexOf(stream));
    int input = statistics.inputOf(stream);
    Compared compared =
        input < 0
            ? compared(stream, Cohort.FLEET, devices)
            : compared(input, Cohort.FLEET, devices, moved.effect(), moved.error(), stream.kind());
    DriftFinding finding =
        new DriftFinding(
            Cohort.FLEET,
            statistics.named(stream),
            stream,
            onset[0],
            onset[1],
            window,
            Estimate.around(moved.effect(), moved.error()),
            compared.size(),
            moved.devices(),
            0,
            predictions(Cohort.FLEET, devices),
            1,
            strongest.logEvidence(),
            strongest.logThreshold(),
            Cohort.FLEET,
            strongest.stream(),
            null);
    return found(finding, input, compared);
  }

  // A cohort's shift taken off its members: what is then still to be explained?
  private Explanation best(int statistic, List<Judged> devices, double takenOff, Cohort fallback) {
    Map<Cohort, Sums> sums = new TreeMap<>();
    Map<Map<String, String>, List<Cohort>> known = new HashMap<>();
    Sums all = new Sums();
    for (Judged one : devices) {
      double value = one.device().recent(statistic);
      if (Double.isNaN(value)) {
        continue;
      }
      if (takenOff != 0 && fallback.holds(one.window().attributes())) {
        value -= takenOff;
      }
      all.add(value);
      for (Cohort cohort :
          known.computeIfAbsent(one.window().attributes(), DriftCause::conjunctions)) {
        sums.computeIfAbsent(cohort, key -> new Sums()).add(value);
      }
    }
    int[] kinds = new int[Cohort.TERMS_MAX + 1];
    sums.keySet().forEach(cohort -> kinds[cohort.terms().size()]++);
    Explanation best = new Explanation(fallback, 0, null);
    double highest = 0;
    for (Map.Entry<Cohort, Sums> entry : sums.entrySet()) {
      Sums in = entry.getValue();
      int others = all.count - in.count;
      if (in.count < settings.cohortMin() || others < settings.cohortMin()) {
        continue;
      }
      double outMean = (all.sum - in.sum) / others;
      double outSpread = Math.max(0, all.squares - in.squares - others * outMean * outMean);
      double variance = Math.max(1e-12, (in.spread() + outSpread) / Math.max(1, all.count - 2));
      double difference = in.mean() - outMean;
      double between = (double) in.count * others / all.count * difference * difference / variance;
      double penalised = between - 2 * Math.log(Math.max(1, kinds[entry.getKey().terms().size()]));
      // Two terms must say clearly more than one: 2 ln of the odds of a chance improvement.
      penalised -= entry.getKey().terms().size() > 1 ? 8 : 0;
      if (penalised > highest) {
        highest = penalised;
        best = new Explanation(entry.getKey(), between, null);
      }
    }
    return new Explanation(best.cohort(), best.score(), rival(best.cohort(), sums, all));
  }

  // Another value of the same label that nearly all others have: it explains as much.
  private @Nullable Cohort rival(Cohort cohort, Map<Cohort, Sums> sums, Sums all) {
    Sums in = sums.get(cohort);
    if (in == null || cohort.terms().size() > 1) {
      return null;
    }
    String attribute = cohort.terms().getFirst().attribute();
    for (Map.Entry<Cohort, Sums> entry : sums.entrySet()) {
      Cohort other = entry.getKey();
      if (!other.equals(cohort)
          && other.terms().size() == 1
          && other.terms().getFirst().attribute().equals(attribute)
          && entry.getValue().count >= settings.cohortMin()
          && entry.getValue().count >= NEARLY_ALL * (all.count - in.count)) {
        return other;
      }
    }
    return null;
  }

  private static final double NEARLY_ALL = .95;

  private static List<Cohort> conjunctions(Map<String, String> attributes) {
    List<Cohort> singles = new ArrayList<>();
    new TreeMap<>(attributes).forEach((name, value) -> singles.add(new Cohort(name, value)));
    List<Cohort> all = new ArrayList<>(singles);
    for (int i = 0; i < singles.size(); i++) {
      for (int j = i + 1; j < singles.size(); j++) {
        all.add(singles.get(i).and(singles.get(j)));
      }
    }
    return all;
  }

  private Split split(int statistic, Cohort cohort, List<Judged> devices) {
    UnitValues members = new UnitValues(unit);
    UnitValues others = new UnitValues(unit);
    int inside = 0;
    int outside = 0;
    for (Judged one : devices) {
      double value = one.device().recent(statistic);
      if (Double.isNaN(value)) {
        continue;
      }
      Map<String, String> attributes = one.window().attributes();
      boolean isIn = cohort.holds(attributes);
      (isIn ? members : others).add(attributes, value);
      inside += isIn ? 1 : 0;
      outside += isIn ? 0 : 1;
    }
    if (inside < 2 || outside < 2) {
      return new Split(inside, outside, 0, 0);
    }
    Sums in = Sums.of(members);
    Sums out = Sums.of(others);
    return new Split(
        inside,
        outside,
        in.mean() - out.mean(),
        Math.sqrt(in.variance(out) / in.count + out.variance(in) / out.count));
  }

  // An input that moved is nearer to the cause than what the model made of it. Where a feature is
  // judged given the others, its plain location says nothing of its own.
  private int moved(Cohort cohort, List<Judged> devices, int leading) {
    CohortState state = smallest(cohort);
    int best = leading;
    double highest = 0;
    for (int s = 0; s < statistics.inputStatistics(); s++) {
      Stream stream = statistics.stream(s);
      boolean given =
          stream.kind() == Stream.Kind.LOCATION
              && split(s + statistics.inputCount(), cohort, devices).members() > 0;
      if (given) {
        continue;
      }
      if (state != null && state.detectors().logM(s) < SOME_EVIDENCE) {
        continue;
      }
      Split split = split(s, cohort, devices);
      if (Math.abs(split.effect()) <= settings.material(stream.kind())) {
        continue;
      }
      // A share that was the same on every device has no spread: any move of it is certain.
      double z = Math.min(split.error() > 0 ? split.z() : 1000, 1000);
      if (z > SURE && z > highest) {
        highest = z;
        best = s;
      }
    }
    return best;
  }

  // Deviations beyond which one of some hundred statistics has hardly moved by chance.
  private static final double SURE = 4;

  // Evidence of 20 to 1: what a detector ignores has not moved, however large it looks right now.
  private static final double SOME_EVIDENCE = 3;

  private long[] onset(Cohort cohort, int moved, int leading, long window) {
    CohortState smallest = smallest(cohort);
    if (smallest == null) {
      return new long[] {window, window};
    }
    return smallest.onset(Double.isNaN(smallest.effect(moved)) ? leading : moved);
  }

  // The state of the smaller of a conjunction's two cohorts; there is none of the conjunction yet.
  private @Nullable CohortState smallest(Cohort cohort) {
    CohortState smallest = null;
    for (Cohort.Term term : cohort.terms()) {
      CohortState state = cohorts.get(new Cohort(term.attribute(), term.value()));
      if (state != null && (smallest == null || state.devices < smallest.devices)) {
        smallest = state;
      }
    }
    return smallest;
  }

  private static long predictions(Cohort cohort, List<Judged> devices) {
    long predictions = 0;
    for (Judged one : devices) {
      if (cohort.holds(one.window().attributes()) && one.window().counts().layout().size() > 0) {
        predictions += one.window().counts().total(0);
      }
    }
    return predictions;
  }

  // Detectors give each device one say; counts would give one that floods all of it.
  private static CommonCounts together(List<CommonCounts> devices) {
    double limit = DeviceShare.limit(devices.stream().mapToDouble(CommonCounts::total).toArray());
    CommonCounts sum = new CommonCounts();
    devices.forEach(device -> sum.add(device, limit));
    return sum;
  }

  // What any device added up, to save bytes, is added up of all: else sums would look like a shift.
  private int fold(int input, List<Judged> devices) {
    int most = 1;
    for (LearnedCounts one : learned.counts().values()) {
      most = Math.max(most, one.fold(input, versions));
    }
    for (Judged one : devices) {
      Statistics.Reader reader = versions.get(one.window().version());
      int stream = reader == null ? -1 : reader.stream(input);
      if (stream >= 0 && one.window().counts().has(stream)) {
        most = Math.max(most, one.window().counts().fold(stream));
      }
    }
    return most;
  }

  // Where too many values are told apart to learn of each, the peers are what is left of the fleet.
  private CommonCounts peersBefore(int input, Cohort cohort, CommonCounts own, int fold) {
    CommonCounts peers = new CommonCounts();
    Cohort.Term first = cohort.terms().getFirst();
    if (!learned.isWhole(first.attribute())) {
      LearnedCounts all = learned.counts().get(Cohort.FLEET);
      if (all != null) {
        all.addTo(peers, input, versions, fold);
        peers.subtract(own);
      }
      return peers;
    }
    learned
        .counts()
        .forEach(
            (other, counts) -> {
              if (!other.equals(Cohort.FLEET)
                  && other.terms().getFirst().attribute().equals(first.attribute())
                  && !cohort.terms().contains(other.terms().getFirst())) {
                counts.addTo(peers, input, versions, fold);
              }
            });
    return peers;
  }

  // As the distances of all streams are measured; of outcomes no counts are kept.
  private Compared compared(Stream output, Cohort cohort, List<Judged> devices) {
    if (leading == null) {
      return Compared.NONE;
    }
    double limit =
        DeviceShare.limit(devices.stream().mapToDouble(one -> one.window().counted()).toArray());
    StreamDistances distances = new StreamDistances(statistics, versions, settings.cohortMin());
    for (Judged one : devices) {
      DeviceWindow window = one.window();
      if (cohort.holds(window.attributes())) {
        distances.add(
            cohort,
            window,
            DeviceShare.of(window.counted(), limit),
            one.device().hasLearnedOutputs(window.version()));
      }
    }
    return distances
        .output(cohort, output.counted(), learned.counts(), leading)
        .map(sides -> new Compared(sides.size(), sides.expected(), sides.observed()))
        .orElse(Compared.NONE);
  }

  private Compared compared(
      int input,
      Cohort cohort,
      List<Judged> devices,
      double effect,
      double error,
      Stream.Kind kind) {
    boolean isFleet = cohort.equals(Cohort.FLEET);
    LearnedCounts own = LearnedCounts.of(cohort, learned.counts());
    boolean located = kind == Stream.Kind.LOCATION || kind == Stream.Kind.CONDITIONAL;
    double slope = statistics.slope(input);
    // Of the fleet there are no others to tell how much devices differ: its level's spread serves.
    double spread = isFleet ? error : split(statistics.location(input), cohort, devices).error();
    double ofShift = slope > 0 ? spread / slope : 0;
    double byDevices = located && slope > 0 ? effect / slope : 0;
    if (own == null) {
      return cohort.terms().size() > 1
          ? new Compared(
              EffectSize.ofShift(Estimate.around(byDevices, ofShift)), List.of(), List.of())
          : Compared.NONE;
    }
    int fold = fold(input, devices);
    CommonCounts before = new CommonCounts();
    own.addTo(before, input, versions, fold);
    CommonCounts peersBefore =
        isFleet ? new CommonCounts() : peersBefore(input, cohort, before, fold);
    List<CommonCounts> members = new ArrayList<>();
    List<CommonCounts> others = new ArrayList<>();
    for (Judged one : devices) {
      Statistics.Reader reader = versions.get(one.window().version());
      if (reader != null) {
        CommonCounts of = new CommonCounts();
        of.add(reader, input, one.window().counts(), fold);
        (cohort.holds(one.window().attributes()) ? members : others).add(of);
      }
    }
    CommonCounts after = together(members);
    CommonCounts peersAfter = together(others);
    double sigma = statistics.standardDeviation(input);
    double moved = after.mean() - before.mean();
    double peersMoved = peersAfter.mean() - peersBefore.mean();
    double shift =
        sigma > 0 && Double.isFinite(moved)
            ? (moved - (Double.isFinite(peersMoved) ? peersMoved : 0)) / sigma
            : 0;
    // Counts of one hour against those of whole days would take the season for a shift.
    if (settings.seasonWindows() > 1 && slope > 0) {
      shift = byDevices;
    }
    return new Compared(
        EffectSize.of(before.counts(), after.counts(), Estimate.around(shift, ofShift)),
        Arrays.stream(before.counts()).boxed().toList(),
        Arrays.stream(after.counts()).boxed().toList());
  }
}
