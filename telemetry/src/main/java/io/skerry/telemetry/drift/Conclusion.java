package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the detectors of one window come to: which explained cohorts persist or have ended, and
 * whether there is a new cause. One is enough: every detector starts again then.
 */
final class Conclusion {
  private final FleetState fleet;
  private final FleetDevices known;
  private final Memberships memberships;
  private final Explanations explanations;
  private final DriftCause cause;
  private final WindowComparison comparison;
  private final List<StreamVerdict> verdicts = new ArrayList<>();
  private final List<StreamVerdict> fired = new ArrayList<>();
  private final List<StreamVerdict> fleetFired = new ArrayList<>();
  private final Set<Cohort> persisting = new HashSet<>();

  Conclusion(
      FleetState fleet,
      FleetDevices known,
      Memberships memberships,
      Explanations explanations,
      DriftCause cause,
      WindowComparison comparison) {
    this.fleet = fleet;
    this.known = known;
    this.memberships = memberships;
    this.explanations = explanations;
    this.cause = cause;
    this.comparison = comparison;
  }

  /** What was found, and what from. */
  private record New(DriftFinding finding, DriftEvidence evidence) {}

  /**
   * Concludes.
   *
   * @param learning devices that have no baseline yet
   * @param devices those that have
   * @param observed what the detectors say, without a threshold
   */
  WindowVerdict of(
      long window,
      int learning,
      List<Judged> devices,
      List<StreamVerdict> observed,
      List<StreamDistance> distances) {
    compareWithThreshold(observed);
    Set<Cohort> ended = explanations.ended(fleet, known::areIn);
    List<Judged> peers = withoutExplained(devices);
    Optional<New> news = newOfFleet(window, peers).or(() -> newOfCohort(window, peers, devices));
    news.ifPresent(one -> restart());
    return new WindowVerdict(
        window,
        learning,
        devices.size(),
        verdicts,
        distances,
        news.map(New::finding),
        news.map(New::evidence),
        persisting,
        ended);
  }

  private void compareWithThreshold(List<StreamVerdict> observed) {
    double threshold = fleet.threshold(observed.size());
    for (StreamVerdict one : observed) {
      StreamVerdict verdict = one.withThreshold(threshold);
      verdicts.add(verdict);
      if (verdict.fired() && verdict.cohort().equals(Cohort.FLEET)) {
        fleetFired.add(verdict);
      } else if (verdict.fired()) {
        Optional<CohortState> out = explanations.state(verdict.cohort());
        if (out.isEmpty()) {
          fired.add(verdict);
        } else {
          persisting.add(verdict.cohort());
          out.get().detectors().restart(indexOf(verdict.stream()));
        }
      }
    }
  }

  // While a cohort's cause is found, the fleet's waits: a cohort that moved far moves it, too.
  private Optional<New> newOfFleet(long window, List<Judged> peers) {
    FleetLevel level = fleet.level();
    if (level == null || fleetFired.isEmpty()) {
      return Optional.empty();
    }
    if (explanations.hasFleetMoved()) {
      persisting.add(Cohort.FLEET);
      fleetFired.forEach(one -> level.restart(indexOf(one.stream())));
      return Optional.empty();
    }
    if (!fired.isEmpty()) {
      return Optional.empty();
    }
    DriftCause.Found found = cause.findFleet(window, fleetFired, peers, level);
    DriftFinding finding = found.finding();
    DriftEvidence evidence = level.evidence(indexOf(finding.firedBy()), fleet.detectors(), found);
    explanations.explain(finding, fleet);
    return Optional.of(new New(finding, evidence));
  }

  private Optional<New> newOfCohort(long window, List<Judged> peers, List<Judged> devices) {
    if (fired.isEmpty()) {
      return Optional.empty();
    }
    DriftCause.Found found = cause.find(window, fired, peers);
    DriftEvidence evidence = comparison.evidence(found, devices);
    explanations.explain(found.finding(), fleet);
    return Optional.of(new New(found.finding(), evidence));
  }

  private int indexOf(Stream stream) {
    return fleet.statistics().streams().indexOf(stream);
  }

  private List<Judged> withoutExplained(List<Judged> devices) {
    return explanations.isEmpty()
        ? devices
        : devices.stream().filter(one -> !explanations.hold(one.window().attributes())).toList();
  }

  private void restart() {
    memberships.judged().values().forEach(cohort -> cohort.detectors().restart());
    FleetLevel level = fleet.level();
    if (level != null) {
      level.restart();
    }
  }
}
