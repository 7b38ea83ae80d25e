package io.skerry.fleet.rollout;

import io.skerry.protocol.CohortName;
import io.skerry.protocol.ProfileId;

/**
 * Which devices a stage takes, of those that no stage before it took.
 *
 * @param minimum never fewer devices than these, at least 0: a plan that cannot have as many is
 *     refused, unless it is dynamic
 * @param pauseAfter whether the rollout waits for an operator once the stage has passed
 */
public record StageRule(Selection selection, int minimum, boolean pauseAfter) {
  /** What a stage takes. */
  public sealed interface Selection {
    /** The best-ranked devices up to this cumulative share of all, 1 to 100. */
    record Percent(int percent) implements Selection {}

    /** This number of best-ranked devices, at least 1. */
    record Count(int devices) implements Selection {}

    /** The devices of a cohort. */
    record Cohort(CohortName cohort) implements Selection {}

    /** The devices of a hardware profile. */
    record Profile(ProfileId profile) implements Selection {}

    /** What was held back as controls; always the last stage, and never written in a file. */
    record Holdback() implements Selection {}
  }

  /** A stage by percentage without further conditions. */
  public static StageRule percent(int percent) {
    return new StageRule(new Selection.Percent(percent), 0, false);
  }

  boolean isRanked() {
    return switch (selection) {
      case Selection.Percent _, Selection.Count _ -> true;
      case Selection.Cohort _, Selection.Profile _, Selection.Holdback _ -> false;
    };
  }

  /** In words, for example {@code 10 %}. */
  public String text() {
    return switch (selection) {
      case Selection.Percent(int percent) -> percent + " %";
      case Selection.Count(int devices) -> devices + " devices";
      case Selection.Cohort(CohortName cohort) -> "cohort " + cohort;
      case Selection.Profile(ProfileId profile) -> "profile " + profile;
      case Selection.Holdback() -> "holdback";
    };
  }
}
