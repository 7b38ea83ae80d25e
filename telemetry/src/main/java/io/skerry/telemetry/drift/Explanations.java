package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What was found and is not over: cohorts, which are neither peers nor part of another cohort until
 * they are released, and the whole fleet.
 */
final class Explanations {
  private final DriftSettings settings;
  private final Memberships memberships;
  private final Map<Cohort, Explained> explained = new TreeMap<>();
  private @Nullable FleetMoved fleetMoved;

  /** What was found of a cohort. */
  private static final class Explained {
    private final CohortState state;
    private final int statistic;
    private final double effect;
    private int quietWindows;

    Explained(CohortState state, int statistic, double effect) {
      this.state = state;
      this.statistic = statistic;
      this.effect = effect;
    }
  }

  /** What was found of the whole fleet; what spoke so, where it is an output. */
  private static final class FleetMoved {
    private final int statistic;
    private final double effect;
    private final @Nullable ModelVersion running;
    private int quietWindows;

    FleetMoved(int statistic, double effect, @Nullable ModelVersion running) {
      this.statistic = statistic;
      this.effect = effect;
      this.running = running;
    }
  }

  Explanations(DriftSettings settings, Memberships memberships) {
    this.settings = settings;
    this.memberships = memberships;
  }

  void write(StateWriter to) {
    to.putInt(explained.size());
    explained.forEach((cohort, one) -> write(cohort, one, to));
    FleetMoved moved = fleetMoved;
    to.putFlag(moved != null);
    if (moved != null) {
      to.putInt(moved.statistic);
      to.putDouble(moved.effect);
      to.putText(moved.running == null ? "" : moved.running.toString());
      to.putInt(moved.quietWindows);
    }
  }

  // What no attribute's cohort is has a state of its own.
  private static void write(Cohort cohort, Explained one, StateWriter to) {
    to.putTerms(cohort);
    to.putInt(one.statistic);
    to.putDouble(one.effect);
    to.putInt(one.quietWindows);
    if (cohort.terms().size() > 1) {
      one.state.write(to);
    }
  }

  void read(StateReader from, int statistics) {
    for (int left = from.getCount(DriftLedger.COUNT_MAX); left > 0; left--) {
      readExplained(from, statistics);
    }
    if (from.getFlag()) {
      int statistic = from.getCount(statistics - 1);
      double effect = from.getDouble();
      String running = from.getText();
      FleetMoved moved =
          new FleetMoved(statistic, effect, running.isEmpty() ? null : ModelVersion.parse(running));
      moved.quietWindows = from.getInt();
      fleetMoved = moved;
    }
  }

  private void readExplained(StateReader from, int statistics) {
    Cohort cohort = from.getTerms();
    int statistic = from.getCount(statistics - 1);
    double effect = from.getDouble();
    int quiet = from.getInt();
    CohortState of = memberships.judged(cohort);
    if (cohort.terms().size() > 1 || of == null) {
      of = new CohortState(cohort, statistics);
      of.read(from);
    }
    Explained one = new Explained(of, statistic, effect);
    one.quietWindows = quiet;
    explained.put(cohort, one);
  }

  boolean isEmpty() {
    return explained.isEmpty();
  }

  boolean isExplained(Cohort cohort) {
    return explained.containsKey(cohort);
  }

  /** Whether a device of these attributes is in a cohort that is explained. */
  boolean hold(Map<String, String> attributes) {
    return !explained.isEmpty()
        && explained.keySet().stream().anyMatch(cohort -> cohort.holds(attributes));
  }

  /** The explained cohorts that a device of these attributes is in. */
  List<Cohort> holding(Map<String, String> attributes) {
    return explained.keySet().stream().filter(cohort -> cohort.holds(attributes)).toList();
  }

  /** The states of these. */
  List<CohortState> statesHolding(Map<String, String> attributes) {
    return explained.entrySet().stream()
        .filter(entry -> entry.getKey().holds(attributes))
        .map(entry -> entry.getValue().state)
        .toList();
  }

  /** The states of all that is explained. */
  List<CohortState> states() {
    return explained.values().stream().map(one -> one.state).toList();
  }

  /** The state of a cohort that is explained. */
  Optional<CohortState> state(Cohort cohort) {
    return Optional.ofNullable(explained.get(cohort)).map(one -> one.state);
  }

  boolean hasFleetMoved() {
    return fleetMoved != null;
  }

  /** From here on the finding's cohort is explained. */
  void explain(DriftFinding finding, FleetState fleet) {
    List<Stream> streams = fleet.statistics().streams();
    int moved = streams.indexOf(finding.movedBy());
    double effect = finding.effect().value();
    if (finding.cohort().equals(Cohort.FLEET)) {
      fleetMoved = new FleetMoved(moved, effect, fleet.leading());
      return;
    }
    CohortState state =
        finding.cohort().terms().size() == 1
            ? java.util.Objects.requireNonNull(memberships.judged(finding.cohort()))
            : new CohortState(finding.cohort(), streams.size());
    explained.put(finding.cohort(), new Explained(state, moved, effect));
  }

  /** Ends the explanation of a cohort, whose detectors start again. */
  void release(Cohort cohort) {
    Explained ended = explained.remove(cohort);
    if (ended != null) {
      ended.state.detectors().restart();
    }
  }

  /**
   * Ends that of the fleet.
   *
   * @param relearn whether where the fleet is now is where it belongs
   */
  void releaseFleet(@Nullable FleetLevel level, boolean relearn) {
    if (level != null && fleetMoved != null) {
      if (relearn) {
        level.settle();
      }
      level.restart();
    }
    fleetMoved = null;
  }

  /**
   * What has been quiet for {@link DriftLedger#QUIET_WINDOWS}, this one among them. So is a cohort
   * that no device is in any more; one of devices that are silent is not.
   *
   * @param hasDevices whether any device is in a cohort, in the window or not
   */
  Set<Cohort> ended(FleetState fleet, Predicate<Cohort> hasDevices) {
    Set<Cohort> ended = new HashSet<>();
    if (fleetHasEnded(fleet)) {
      ended.add(Cohort.FLEET);
    }
    explained.forEach(
        (cohort, explanation) -> {
          double effect = explanation.state.effect(explanation.statistic);
          // Effects are means of clipped residuals: a larger shift looks no larger than the clip.
          double before =
              Math.min(Math.abs(explanation.effect), fleet.clip()[explanation.statistic]);
          double quiet = Math.max(2 * fleet.material(explanation.statistic), before / 4);
          boolean isQuiet =
              Double.isNaN(effect) ? !hasDevices.test(cohort) : Math.abs(effect) < quiet;
          // Outcomes may come once a day: windows without any say neither that it lasts nor not.
          boolean isSilent =
              Double.isNaN(effect)
                  && explanation.statistic >= fleet.statistics().firstOutcome()
                  && !isQuiet;
          if (!isSilent) {
            explanation.quietWindows = isQuiet ? explanation.quietWindows + 1 : 0;
          }
          if (explanation.quietWindows >= DriftLedger.QUIET_WINDOWS) {
            ended.add(cohort);
          }
        });
    return ended;
  }

  private boolean fleetHasEnded(FleetState fleet) {
    FleetMoved moved = fleetMoved;
    FleetLevel level = fleet.level();
    if (moved == null || level == null) {
      return false;
    }
    Stream.Kind kind = fleet.statistics().stream(moved.statistic).kind();
    ModelVersion leading = fleet.leading();
    if (!kind.isInput() && leading != null && !leading.equals(moved.running)) {
      // What spoke so is gone.
      return true;
    }
    double effect = level.effect(moved.statistic);
    double quiet = Math.max(2 * settings.material(kind), Math.abs(moved.effect) / 4);
    moved.quietWindows = Math.abs(effect) < quiet ? moved.quietWindows + 1 : 0;
    return moved.quietWindows >= DriftLedger.QUIET_WINDOWS;
  }
}
