package io.skerry.fleet.incident;

import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.EstimatedAccuracy;
import io.skerry.telemetry.drift.Stream;
import java.util.List;
import java.util.Optional;

/**
 * One cause of drift.
 *
 * @param finding what opened it
 * @param confirmations windows in which a stream of its cohort reached the threshold again
 * @param harm accuracy in the cohort before and after the onset, once both are known
 * @param estimate the same without labels, from calibrated scores
 * @param broken streams of its cohort that came to be harm by themselves after it had opened and
 *     still are, wrong predictions first and then the oldest, at most {@value #BROKEN_MAX}
 * @param resolution why it was resolved, empty before
 */
public record Incident(
    IncidentState state,
    DriftFinding finding,
    int confirmations,
    Optional<Harm> harm,
    Optional<EstimatedHarm> estimate,
    List<Broken> broken,
    String resolution) {
  static final int BROKEN_MAX = 20;

  public Incident {
    broken = List.copyOf(broken);
  }

  /**
   * Accuracy in the cohort, same model version, before and after the onset.
   *
   * @param read share of the outcomes that was read, an even sample over devices where below 1; 0
   *     where a build that did not tell stored it
   */
  public record Harm(Accuracy before, Accuracy after, double read) {}

  /** Estimated accuracy in the cohort before and after the onset; blind to concept change. */
  public record EstimatedHarm(EstimatedAccuracy before, EstimatedAccuracy after) {}

  /**
   * A stream that came to be harm by itself.
   *
   * @param quiet windows in a row in which it was within its tolerance; 0 where a build that did
   *     not count them stored it
   */
  public record Broken(String name, Stream.Kind kind, int quiet) {
    static Broken of(Stream stream) {
      return new Broken(stream.name(), stream.kind(), 0);
    }

    /** What is broken. */
    public Stream stream() {
      return new Stream(name, kind);
    }
  }

  /** Why somebody must be woken. Names are wire values. */
  public enum Page {
    /** Actual outcomes show that accuracy fell. */
    ACCURACY,
    /** Calibrated scores let expect that accuracy fell. */
    ESTIMATED_ACCURACY,
    /** Values are missing, impossible or stuck. */
    QUALITY
  }

  /** An incident of which nothing is estimated. */
  public Incident(
      IncidentState state,
      DriftFinding finding,
      int confirmations,
      Optional<Harm> harm,
      String resolution) {
    this(state, finding, confirmations, harm, Optional.empty(), List.of(), resolution);
  }

  /** Whether it still explains its cohort. */
  public boolean isOpen() {
    return state != IncidentState.RESOLVED;
  }

  /**
   * Whether it pages somebody: only harm does. Inputs that moved, and what got better, are to be
   * looked into by day.
   */
  public Optional<Page> page() {
    if (!isOpen()) {
      return Optional.empty();
    }
    boolean confirmed =
        state == IncidentState.HARM_CONFIRMED
            || (finding.nature() == DriftFinding.Nature.ERROR && finding.isWorse())
            || broken.stream().anyMatch(one -> one.kind() == Stream.Kind.ERROR);
    if (confirmed) {
      return Optional.of(Page.ACCURACY);
    }
    if (doubtful().isPresent()) {
      return Optional.of(Page.QUALITY);
    }
    return estimate
        .filter(
            two ->
                Math.min(two.after().devices(), two.before().devices())
                        >= IncidentMachine.HARM_DEVICES_MIN
                    && two.after().isWorseThan(two.before(), IncidentMachine.HARM_TOLERANCE))
        .map(two -> Page.ESTIMATED_ACCURACY);
  }

  /** The stream, if there is one, whose values are missing, impossible or stuck. */
  public Optional<String> doubtful() {
    return finding.nature() == DriftFinding.Nature.QUALITY && finding.isWorse()
        ? Optional.of(finding.feature())
        : broken.stream()
            .filter(one -> one.kind() != Stream.Kind.ERROR)
            .map(Broken::name)
            .findFirst();
  }

  /** What more samples the cohort's devices should send while it is open. */
  public double samplingFactor() {
    return isOpen() ? IncidentMachine.SAMPLING_FACTOR : 1;
  }
}
