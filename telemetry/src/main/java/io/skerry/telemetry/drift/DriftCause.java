package io.skerry.telemetry.drift;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Of everything that moved, the cohort and the input feature that moved most. */
final class DriftCause {
  private final DriftSettings settings;
  private final StreamPositions scale;
  private final Map<Cohort, Map<Stream, CohortStream>> streams;
  private final Map<Cohort, CohortCounts> counts;

  DriftCause(
      DriftSettings settings,
      StreamPositions scale,
      Map<Cohort, Map<Stream, CohortStream>> streams,
      Map<Cohort, CohortCounts> counts) {
    this.settings = settings;
    this.scale = scale;
    this.streams = streams;
    this.counts = counts;
  }

  // What lifts one cohort lowers its peers' residuals: the siblings of whoever fired stand for
  // election too, and the largest effect wins.
  Optional<DriftFinding> find(
      long window, List<StreamVerdict> fired, List<StreamVerdict> all, Set<Cohort> explained) {
    Set<String> attributes =
        fired.stream().map(one -> one.cohort().attribute()).collect(Collectors.toSet());
    return all.stream()
        .filter(one -> attributes.contains(one.cohort().attribute()))
        .filter(one -> !explained.contains(one.cohort()))
        .collect(Collectors.groupingBy(StreamVerdict::cohort, TreeMap::new, Collectors.toList()))
        .entrySet()
        .stream()
        .map(entry -> finding(window, entry.getKey(), entry.getValue()))
        .max(Comparator.comparingDouble(finding -> Math.abs(finding.effect())));
  }

  private DriftFinding finding(long window, Cohort cohort, List<StreamVerdict> verdicts) {
    StreamVerdict strongest =
        verdicts.stream().max(Comparator.comparingDouble(StreamVerdict::logEvidence)).orElseThrow();
    CohortStream leading = stream(cohort, strongest.stream());
    long onset = leading == null ? window : leading.detector().onset();
    String feature = strongest.stream().name();
    double effect = leading == null ? 0 : leading.effectSince(onset);
    double largest = 0;
    for (String input : scale.inputs()) {
      CohortStream state = stream(cohort, new Stream(input, Stream.Kind.CONDITIONAL));
      double moved = state == null ? 0 : state.effectSince(onset);
      if (Math.abs(moved) > Math.max(settings.material(), Math.abs(largest))) {
        largest = moved;
        feature = input;
        effect = moved;
      }
    }
    int index = scale.inputs().indexOf(feature);
    CohortCounts own = counts.getOrDefault(cohort, new CohortCounts(scale.inputs().size()));
    CohortCounts.Sums since = own.since(onset);
    return new DriftFinding(
        cohort,
        feature,
        onset,
        window,
        effect,
        index < 0 ? 0 : shiftSigma(cohort, own, index, onset),
        index < 0 ? 0 : EffectSize.psi(own.learned().counts(index), since.counts(index)),
        strongest.devices(),
        since.total(Math.max(0, index)),
        strongest.logEvidence(),
        strongest.stream());
  }

  private @Nullable CohortStream stream(Cohort cohort, Stream stream) {
    return streams.getOrDefault(cohort, Map.of()).get(stream);
  }

  private double shiftSigma(Cohort cohort, CohortCounts own, int feature, long onset) {
    CohortCounts.Sums before = new CohortCounts.Sums(scale.inputs().size());
    CohortCounts.Sums after = new CohortCounts.Sums(scale.inputs().size());
    counts.forEach(
        (other, sums) -> {
          if (other.attribute().equals(cohort.attribute()) && !other.equals(cohort)) {
            before.add(sums.learned());
            after.add(sums.since(onset));
          }
        });
    double moved = own.since(onset).mean(feature) - own.learned().mean(feature);
    double peersMoved = after.mean(feature) - before.mean(feature);
    double sigma = scale.standardDeviation(feature);
    return sigma > 0 && Double.isFinite(moved)
        ? (moved - (Double.isFinite(peersMoved) ? peersMoved : 0)) / sigma
        : 0;
  }
}
