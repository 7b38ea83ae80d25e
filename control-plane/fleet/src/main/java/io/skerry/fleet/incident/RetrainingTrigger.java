package io.skerry.fleet.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether an incident is worth a new version. Pure.
 *
 * <p>All of these, or it waits and says for what: accuracy fell, realised or estimated; it has
 * lasted; there are enough labelled samples in every slice concerned; no data-quality incident is
 * open on the cohort, which would teach the model broken sensors; the last retraining is long
 * enough ago. Inputs that moved are no reason by themselves.
 */
public final class RetrainingTrigger {
  private RetrainingTrigger() {}

  /**
   * When to retrain.
   *
   * @param windowsMin windows in which the shift was confirmed again
   * @param labelledMin labelled samples of every slice concerned
   * @param coolDown between two retrainings of a model
   */
  public record Settings(int windowsMin, long labelledMin, Duration coolDown) {
    /** Confirmed 3 times, 200 labelled samples a slice, a day between two. */
    public static final Settings DEFAULTS = new Settings(3, 200, Duration.ofDays(1));

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException if one is negative
     */
    public Settings {
      if (windowsMin < 0 || labelledMin < 0 || coolDown.isNegative()) {
        throw new IllegalArgumentException("retraining settings are outside their ranges");
      }
    }
  }

  /**
   * What is known.
   *
   * @param labelled samples per slice concerned
   * @param qualityIncidents open ones on the same cohort
   * @param lastRetraining of the model
   */
  public record Evidence(
      Incident incident,
      List<Long> labelled,
      int qualityIncidents,
      Optional<Instant> lastRetraining) {
    public Evidence {
      labelled = List.copyOf(labelled);
    }
  }

  /** What is decided. */
  public sealed interface Decision {
    /** A new version is worth it. */
    record Retrain(Hypothesis hypothesis) implements Decision {}

    /**
     * Not now.
     *
     * @param reasons what is missing, each in words for an operator
     */
    record Wait(List<String> reasons) implements Decision {
      public Wait {
        reasons = List.copyOf(reasons);
      }
    }
  }

  /**
   * What is expected of a retraining; kept, so that its outcome can be held against it.
   *
   * @param text in words
   * @param accuracyBefore balanced accuracy in the cohort before the shift
   * @param accuracyNow the same now
   */
  public record Hypothesis(String text, double accuracyBefore, double accuracyNow, Instant at) {
    /** Whether a new version's accuracy in the cohort makes good at least half of what was lost. */
    public Outcome heldAgainst(double accuracyAfter) {
      double lost = accuracyBefore - accuracyNow;
      double regained = accuracyAfter - accuracyNow;
      return new Outcome(accuracyAfter, lost > 0 && regained >= lost / 2);
    }
  }

  /** What came of a retraining. */
  public record Outcome(double accuracyAfter, boolean helped) {}

  /** Decides. */
  public static Decision decide(Settings settings, Evidence evidence, Instant now) {
    List<String> reasons = new ArrayList<>();
    Incident incident = evidence.incident();
    Optional<double[]> accuracy = harmful(incident);
    if (accuracy.isEmpty()) {
      reasons.add("accuracy has not fallen, or it is not known whether it has");
    }
    if (incident.confirmations() < settings.windowsMin()) {
      reasons.add(
          "confirmed in %d windows, %d are needed"
              .formatted(incident.confirmations(), settings.windowsMin()));
    }
    long fewest = evidence.labelled().stream().mapToLong(Long::longValue).min().orElse(0);
    if (fewest < settings.labelledMin()) {
      reasons.add(
          "a slice has %d labelled samples, %d are needed"
              .formatted(fewest, settings.labelledMin()));
    }
    if (evidence.qualityIncidents() > 0) {
      reasons.add(
          "%d data-quality incidents are open on %s"
              .formatted(evidence.qualityIncidents(), incident.finding().cohort()));
    }
    evidence
        .lastRetraining()
        .map(last -> last.plus(settings.coolDown()))
        .filter(now::isBefore)
        .ifPresent(until -> reasons.add("cooling down until " + until));
    if (!reasons.isEmpty() || accuracy.isEmpty()) {
      return new Decision.Wait(reasons);
    }
    double[] both = accuracy.get();
    return new Decision.Retrain(
        new Hypothesis(
            "%s of %s moved, balanced accuracy fell from %.3f to %.3f: training on its samples since window %d brings it back"
                .formatted(
                    incident.finding().feature(),
                    incident.finding().cohort(),
                    both[0],
                    both[1],
                    incident.finding().onsetWindow()),
            both[0],
            both[1],
            now));
  }

  // Realised accuracy, where it is known, speaks before the estimate.
  private static Optional<double[]> harmful(Incident incident) {
    if (!incident.isOpen()) {
      return Optional.empty();
    }
    if (incident.harm().isPresent()) {
      Incident.Harm harm = incident.harm().get();
      return incident.state() == IncidentState.HARM_CONFIRMED
          ? Optional.of(
              new double[] {harm.before().balanced().value(), harm.after().balanced().value()})
          : Optional.empty();
    }
    return incident
        .estimate()
        .filter(two -> two.after().isWorseThan(two.before(), IncidentMachine.HARM_TOLERANCE))
        .map(two -> new double[] {two.before().balanced().value(), two.after().balanced().value()});
  }
}
