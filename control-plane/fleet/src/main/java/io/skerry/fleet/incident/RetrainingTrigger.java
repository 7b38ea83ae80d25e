package io.skerry.fleet.incident;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Decides whether an incident calls for a retraining. Pure.
 *
 * <p>All of it must hold: it hurts; there is a dataset to train on again; it lasts; enough of it is
 * labelled; the data themselves are not in question; the last attempt is long enough ago; the
 * month's runs are not spent. Inputs that moved without harm open an investigation, never a run.
 */
public final class RetrainingTrigger {
  /** Windows in which the cause reached its threshold again. */
  static final int CONFIRMATIONS_MIN = 2;

  /** Labelled predictions of the cohort since the onset. */
  static final int LABELLED_MIN = 40;

  private RetrainingTrigger() {}

  /**
   * What is known.
   *
   * @param harmful whether actual or estimated accuracy fell
   * @param confirmations windows that confirmed it
   * @param labelled predictions of the cohort with an outcome since the onset
   * @param quality an open incident about the data's quality that touches the cohort
   * @param lastRun when a run for this model was started last
   * @param runsInMonth runs for this model in the last 30 days
   * @param undoable why no run can ever learn from the version's data; empty where one can
   */
  public record Evidence(
      boolean harmful,
      int confirmations,
      long labelled,
      Optional<String> quality,
      Optional<Instant> lastRun,
      int runsInMonth,
      Optional<String> undoable) {}

  /**
   * What is allowed.
   *
   * @param automatic whether a run starts by itself
   */
  public record Policy(boolean automatic, Duration coolDown, int runsAMonth) {
    /** A person starts runs; a day between two, 8 a month. */
    public static final Policy USUAL = new Policy(false, Duration.ofHours(24), 8);
  }

  /** What to do. Names are wire values. */
  public enum Decision {
    /** A run starts. */
    START,
    /** Everything speaks for it; a person says when. */
    PROPOSE,
    /** Something is missing. */
    WAIT
  }

  /** A decision and why. */
  public record Verdict(Decision decision, String reason) {}

  /** Decides; the reason is for an operator. */
  public static Verdict decide(Evidence evidence, Policy policy, Instant now) {
    if (!evidence.harmful()) {
      return wait("inputs moved, harm is not shown: investigate, do not retrain");
    }
    if (evidence.undoable().isPresent()) {
      return wait(evidence.undoable().get());
    }
    if (evidence.confirmations() < CONFIRMATIONS_MIN) {
      return wait(
          "confirmed by %d windows, %d are needed"
              .formatted(evidence.confirmations(), CONFIRMATIONS_MIN));
    }
    if (evidence.quality().isPresent()) {
      return wait(
          "%s says that the data themselves are wrong there: mend the source first"
              .formatted(evidence.quality().get()));
    }
    if (evidence.labelled() < LABELLED_MIN) {
      return wait(
          "%d predictions of the cohort are labelled, %d are needed"
              .formatted(evidence.labelled(), LABELLED_MIN));
    }
    Optional<Instant> coolUntil = evidence.lastRun().map(at -> at.plus(policy.coolDown()));
    if (coolUntil.isPresent() && now.isBefore(coolUntil.get())) {
      return wait(
          "the last run began at %s: next from %s on"
              .formatted(evidence.lastRun().orElseThrow(), coolUntil.get()));
    }
    if (evidence.runsInMonth() >= policy.runsAMonth()) {
      return wait("%d runs in 30 days are what the policy allows".formatted(policy.runsAMonth()));
    }
    return policy.automatic()
        ? new Verdict(Decision.START, "harmful, lasting and labelled")
        : new Verdict(
            Decision.PROPOSE, "harmful, lasting and labelled; the policy leaves the start to you");
  }

  private static Verdict wait(String reason) {
    return new Verdict(Decision.WAIT, reason);
  }
}
