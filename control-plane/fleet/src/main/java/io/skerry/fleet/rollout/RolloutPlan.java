package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.GateSettings;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * How a rollout proceeds.
 *
 * @param stages as written: percentages are cumulative, rise, and end at 100
 * @param limits on how many devices are touched, and when
 * @param dynamic whether devices that enrol later, or that the version fits only later, join the
 *     stage that their rank falls into; else who gets it is fixed when the rollout is written down
 * @param soak how long a stage is watched after its last device came to an end
 * @param deadlines what ends waiting
 * @param approval whether somebody else must agree before the start
 * @param gates what stops a stage and what lets it pass
 */
public record RolloutPlan(
    RolloutKind kind,
    List<StageRule> stages,
    Limits limits,
    boolean dynamic,
    Duration soak,
    Deadlines deadlines,
    Approval approval,
    GateSettings gates) {
  /** Stages a rollout can have, the holdback's own included. */
  public static final int STAGES_MAX = 32;

  /** How often a device that could not go back is ordered back again by itself. */
  public static final int RESTORES_MAX = 5;

  /** No longer before each of these, so that all are in the time for which it is followed. */
  public static final Duration RESTORE_PAUSE_MAX = Duration.ofDays(2);

  /** Maintenance windows a rollout can have. */
  public static final int WINDOWS_MAX = 64;

  /**
   * Checks the stages.
   *
   * @throws InvalidFieldException naming the field that is wrong
   */
  public RolloutPlan {
    stages = List.copyOf(stages);
    mistakes(stages).stream()
        .findFirst()
        .ifPresent(
            mistake -> {
              throw mistake;
            });
    if (soak.isNegative()) {
      throw new InvalidFieldException("soak", "must not be negative");
    }
  }

  /** What makes these stages impossible, each with its field; empty when they can be. */
  public static List<InvalidFieldException> mistakes(List<StageRule> stages) {
    if (stages.isEmpty() || stages.size() >= STAGES_MAX) {
      return List.of(
          new InvalidFieldException(
              "stages",
              "%d stages, 1 to %d are possible".formatted(stages.size(), STAGES_MAX - 1)));
    }
    List<InvalidFieldException> mistakes = new ArrayList<>();
    checkPercents(stages, mistakes);
    checkOverlaps(stages, mistakes);
    return mistakes;
  }

  private static void checkPercents(List<StageRule> stages, List<InvalidFieldException> mistakes) {
    int before = 0;
    boolean any = false;
    for (int stage = 0; stage < stages.size(); stage++) {
      if (stages.get(stage).minimum() < 0) {
        mistakes.add(
            new InvalidFieldException(
                "stages[%d].minimum".formatted(stage), "must not be negative"));
      }
      if (stages.get(stage).selection() instanceof StageRule.Selection.Percent(int percent)) {
        any = true;
        if (percent <= before || percent > 100) {
          mistakes.add(
              new InvalidFieldException(
                  "stages[%d].percent".formatted(stage),
                  "%d must be above the %d before it and at most 100: percentages are cumulative"
                      .formatted(percent, before)));
        }
        before = Math.clamp(percent, before, 100);
      } else if (before == 100) {
        mistakes.add(
            new InvalidFieldException(
                "stages[%d]".formatted(stage), "comes after 100 %: no device is left for it"));
      } else if (stages.get(stage).selection() instanceof StageRule.Selection.Count(int devices)
          && devices < 1) {
        mistakes.add(
            new InvalidFieldException(
                "stages[%d].count".formatted(stage), "%d must be at least 1".formatted(devices)));
      }
    }
    if (any && before != 100) {
      mistakes.add(
          new InvalidFieldException(
              "stages[%d].percent".formatted(stages.size() - 1),
              "the stages end at %d %%, the last one must be 100".formatted(before)));
    }
  }

  private static void checkOverlaps(List<StageRule> stages, List<InvalidFieldException> mistakes) {
    Map<StageRule.Selection, Integer> named = new HashMap<>();
    for (int stage = 0; stage < stages.size(); stage++) {
      StageRule rule = stages.get(stage);
      if (rule.isRanked()) {
        continue;
      }
      Integer earlier = named.putIfAbsent(rule.selection(), stage);
      if (earlier != null) {
        String field =
            rule.selection() instanceof StageRule.Selection.Cohort ? "cohort" : "profile";
        mistakes.add(
            new InvalidFieldException(
                "stages[%d].%s".formatted(stage, field),
                "%s is taken by stages[%d] already: stages must not overlap"
                    .formatted(rule.text(), earlier)));
      }
    }
  }

  /** A plan of percentages with everything else at its default. */
  public static RolloutPlan ofPercents(List<Integer> percents, Duration soak, Deadlines deadlines) {
    return new RolloutPlan(
        new RolloutKind.Replace(),
        percents.stream().map(StageRule::percent).toList(),
        Limits.NONE,
        false,
        soak,
        deadlines,
        Approval.NONE,
        GateSettings.DEFAULTS);
  }

  /** The same for the version as the active one. */
  public RolloutPlan active() {
    return kind.isTrial()
        ? new RolloutPlan(
            new RolloutKind.Replace(), stages, limits, dynamic, soak, deadlines, approval, gates)
        : this;
  }

  /** What a rollout in this state goes by: a trial that was good goes on as any other rollout. */
  public RolloutPlan in(RolloutState state) {
    return state.promotion().isPresent() ? active() : this;
  }

  /** The stages, and the holdback's as the last one when there is a holdback. */
  public List<StageRule> steps() {
    if (limits.holdback() == 0) {
      return stages;
    }
    List<StageRule> steps = new ArrayList<>(stages);
    steps.add(new StageRule(new StageRule.Selection.Holdback(), 0, false));
    return List.copyOf(steps);
  }

  /** The only hardware profiles that some stage can take; empty if one can take any. */
  public Optional<Set<ProfileId>> takesOnly() {
    Set<ProfileId> named = new HashSet<>();
    for (StageRule step : steps()) {
      if (!(step.selection() instanceof StageRule.Selection.Profile(ProfileId profile))) {
        return Optional.empty();
      }
      named.add(profile);
    }
    return Optional.of(Set.copyOf(named));
  }

  /**
   * The gates that something can be told of: nobody hears the answers of a version that only
   * shadows, so that none of them ever has an outcome.
   */
  public GateSettings judgedGates() {
    return kind instanceof RolloutKind.Shadow ? gates.withoutOutcomes() : gates;
  }

  boolean isHoldback(int stage) {
    return stage >= stages.size();
  }

  /**
   * Limits on how many devices are touched, and when.
   *
   * @param holdback devices kept on the old version as controls until every stage has passed
   * @param pace rate of orders
   * @param inFlight devices under way at a time, at least 1
   * @param catchUp of them, late ones that were deferred, at least 1
   * @param windows when orders may be given; any time when empty
   */
  public record Limits(
      int holdback, Pace pace, int inFlight, int catchUp, List<MaintenanceWindow> windows) {
    /** No limits but 500 late devices at a time. */
    public static final Limits NONE =
        new Limits(0, Pace.UNLIMITED, Integer.MAX_VALUE, 500, List.of());

    /**
     * Checks the ranges.
     *
     * @throws InvalidFieldException naming the field that is wrong
     */
    public Limits {
      windows = List.copyOf(windows);
      if (holdback < 0) {
        throw new InvalidFieldException("holdback", "must not be negative");
      }
      if (inFlight < 1) {
        throw new InvalidFieldException("inFlight", "%d must be at least 1".formatted(inFlight));
      }
      if (catchUp < 1) {
        throw new InvalidFieldException("catchUp", "%d must be at least 1".formatted(catchUp));
      }
      if (windows.size() > WINDOWS_MAX) {
        throw new InvalidFieldException(
            "windows", "%d, at most %d are possible".formatted(windows.size(), WINDOWS_MAX));
      }
    }

    boolean isOpen(Instant now) {
      return windows.isEmpty() || windows.stream().anyMatch(window -> window.isOpen(now));
    }

    Instant next(Instant now) {
      return windows.stream().map(window -> window.next(now)).min(Instant::compareTo).orElse(now);
    }
  }

  /**
   * What ends waiting. Only time during which a device is online counts.
   *
   * @param start a device that has not begun by then was not reached
   * @param step a device that has the version and stays in one step for longer has timed out
   * @param progress one that does not have the version by then was not reached; one that is ordered
   *     back and not there by then could not go back
   * @param stage a device that is offline by then is deferred; a stage without a verdict by then,
   *     counted from the end of its offers, is inconclusive
   */
  public record Deadlines(Duration start, Duration step, Duration progress, Duration stage) {
    /** Five minutes to begin, ten for a step, half an hour to have it, an hour for a stage. */
    public static final Deadlines DEFAULTS =
        new Deadlines(
            Duration.ofMinutes(5),
            Duration.ofMinutes(10),
            Duration.ofMinutes(30),
            Duration.ofHours(1));

    /**
     * Checks the ranges.
     *
     * @throws InvalidFieldException naming the field that is not above 0
     */
    public Deadlines {
      positive("deadlines.start", start);
      positive("deadlines.step", step);
      positive("deadlines.progress", progress);
      positive("deadlines.stage", stage);
    }

    /**
     * When a device is late if it says nothing more; empty when nothing is asked of it. However
     * long a line took, what comes after has its time: it is the version's own.
     *
     * @param orderedAt when it got its order, moved on by the time that it was away since
     * @param stepAt when it was last seen to go on
     */
    public Optional<Instant> due(DeploymentState state, Instant orderedAt, Instant stepAt) {
      if (state == DeploymentState.OFFERED) {
        return Optional.of(orderedAt.plus(start));
      }
      if (state == DeploymentState.DOWNLOADING || state == DeploymentState.RESTORING) {
        return Optional.of(orderedAt.plus(progress));
      }
      return state.isInFlight() ? Optional.of(stepAt.plus(step)) : Optional.empty();
    }

    /**
     * How long after it could not go back a device is ordered back again, if it is there: four
     * times as long each time, and at most {@link #RESTORE_PAUSE_MAX}. Empty when it is not any
     * more.
     *
     * @param restores how often it was already
     */
    public Optional<Duration> restoreAgain(int restores) {
      return restores < RESTORES_MAX
          ? Optional.of(start.multipliedBy(1L << (2 * restores)))
              .map(pause -> pause.compareTo(RESTORE_PAUSE_MAX) < 0 ? pause : RESTORE_PAUSE_MAX)
          : Optional.empty();
    }

    private static void positive(String field, Duration value) {
      if (value.isNegative() || value.isZero()) {
        throw new InvalidFieldException(field, "%s must be above 0".formatted(value));
      }
    }

    /** Deadlines for stages that are watched for this long. */
    public static Deadlines forSoak(Duration soak) {
      Duration stage = soak.multipliedBy(12).plus(Duration.ofMinutes(1));
      return new Deadlines(
          Duration.ofSeconds(30), Duration.ofMinutes(1), Duration.ofMinutes(1), stage);
    }
  }

  /**
   * Four eyes.
   *
   * @param required whether somebody else than the author must approve before the start
   * @param author who wrote the rollout
   */
  public record Approval(boolean required, String author) {
    public static final Approval NONE = new Approval(false, "");
  }
}
