package io.skerry.fleet.rollout;

import io.skerry.fleet.rollout.StageRule.Selection;
import io.skerry.protocol.CohortName;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProfileId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Who is in which stage: devices ranked by a hash of their id and the rollout's salt, the first of
 * each stage. The same devices and salt give the same stages, in any order.
 *
 * <p>The rank of the last device that a stage takes is its threshold: a device that enrols later,
 * or that the version fits only later, joins the first stage whose threshold it does not exceed. A
 * stage also takes the best-ranked device of every profile, so that no hardware is met for the
 * first time in the last stage; a stage can grow by that beyond its share. The worst-ranked devices
 * are the holdback.
 */
public final class StageMembership {
  /** Above every rank: the threshold of a stage that takes whatever is left. */
  public static final String EVERYTHING = "g";

  /** Below every rank: the threshold of a stage that takes nobody by rank. */
  public static final String NOTHING = "";

  private StageMembership() {}

  /**
   * A device that can run the version.
   *
   * @param cohorts of the plan's cohorts, those that it belongs to
   */
  public record Candidate(DeviceId device, ProfileId profile, Set<CohortName> cohorts) {
    public Candidate {
      cohorts = Set.copyOf(cohorts);
    }

    /** A device of no cohort. */
    public Candidate(DeviceId device, ProfileId profile) {
      this(device, profile, Set.of());
    }

    boolean isNamedBy(Selection selection) {
      return switch (selection) {
        case Selection.Cohort(CohortName cohort) -> cohorts.contains(cohort);
        case Selection.Profile(ProfileId named) -> profile.equals(named);
        case Selection.Percent _, Selection.Count _, Selection.Holdback _ -> false;
      };
    }
  }

  /**
   * The limits of one stage.
   *
   * @param threshold highest rank that it takes, of stages by percentage or count
   * @param representatives devices that it takes whatever their rank: the first of their profiles
   */
  public record Boundary(Selection selection, String threshold, List<DeviceId> representatives) {
    public Boundary {
      representatives = List.copyOf(representatives);
    }
  }

  /**
   * The stages of a rollout.
   *
   * @param stages the devices of each step of the plan, best rank first
   * @param boundaries of each step
   * @param holdbackAbove devices of a higher rank are the holdback
   * @param inNone devices that no stage takes
   */
  public record Membership(
      List<List<Candidate>> stages,
      List<Boundary> boundaries,
      String holdbackAbove,
      List<Candidate> inNone) {
    public Membership {
      stages = stages.stream().map(List::copyOf).toList();
      boundaries = List.copyOf(boundaries);
      inNone = List.copyOf(inNone);
    }
  }

  private record Ranked(Candidate candidate, String rank) {}

  /**
   * Deals the devices into the plan's steps.
   *
   * @throws InvalidFieldException if two stages by cohort or profile name the same device, or a
   *     stage of a plan that is not dynamic gets fewer devices than its minimum
   */
  public static Membership assign(Collection<Candidate> candidates, String salt, RolloutPlan plan) {
    requireDisjoint(candidates, plan);
    List<Ranked> ranked =
        candidates.stream()
            .distinct()
            .map(candidate -> new Ranked(candidate, rank(candidate.device(), salt)))
            .sorted(
                Comparator.comparing(Ranked::rank)
                    .thenComparing(one -> one.candidate().device().value()))
            .toList();
    String holdbackAbove = holdbackAbove(ranked, plan);
    Set<Ranked> left = new LinkedHashSet<>(ranked);
    List<List<Candidate>> stages = new ArrayList<>();
    List<Boundary> boundaries = new ArrayList<>();
    for (StageRule rule : plan.steps()) {
      Taken taken = take(rule, left, ranked.size(), holdbackAbove);
      // Others may join a dynamic one until then, and after.
      if (!plan.dynamic()) {
        requireMinimum(rule, stages.size(), taken.devices().size());
      }
      taken.devices().forEach(left::remove);
      stages.add(taken.devices().stream().map(Ranked::candidate).toList());
      boundaries.add(taken.boundary());
    }
    return new Membership(
        stages, boundaries, holdbackAbove, left.stream().map(Ranked::candidate).toList());
  }

  /** A device's rank: 64 lower-case hex digits. */
  public static String rank(DeviceId device, String salt) {
    return Digest.of((salt + "/" + device.value()).getBytes(StandardCharsets.UTF_8)).hex();
  }

  /** The step that a device belongs to by the boundaries alone; empty when to none. */
  public static OptionalInt stageOf(
      Candidate candidate, String rank, List<Boundary> boundaries, String holdbackAbove) {
    boolean held = rank.compareTo(holdbackAbove) > 0;
    for (int stage = 0; stage < boundaries.size(); stage++) {
      Boundary boundary = boundaries.get(stage);
      boolean takes =
          switch (boundary.selection()) {
            case Selection.Percent _, Selection.Count _ ->
                !held
                    && (rank.compareTo(boundary.threshold()) <= 0
                        || boundary.representatives().contains(candidate.device()));
            case Selection.Cohort _, Selection.Profile _ ->
                candidate.isNamedBy(boundary.selection());
            case Selection.Holdback _ -> held;
          };
      if (takes) {
        return OptionalInt.of(stage);
      }
    }
    return OptionalInt.empty();
  }

  private static void requireDisjoint(Collection<Candidate> candidates, RolloutPlan plan) {
    List<StageRule> stages = plan.stages();
    for (Candidate candidate : candidates) {
      Optional<Integer> first = Optional.empty();
      for (int stage = 0; stage < stages.size(); stage++) {
        if (!candidate.isNamedBy(stages.get(stage).selection())) {
          continue;
        }
        if (first.isPresent()) {
          throw new InvalidFieldException(
              "stages[%d]".formatted(stage),
              "device '%s' is in %s and in %s of stages[%d]: stages must not overlap"
                  .formatted(
                      candidate.device(),
                      stages.get(stage).text(),
                      stages.get(first.get()).text(),
                      first.get()));
        }
        first = Optional.of(stage);
      }
    }
  }

  // The stages before it took the others, or nobody else is what it names.
  private static void requireMinimum(StageRule rule, int stage, int devices) {
    if (devices < rule.minimum()) {
      throw new InvalidFieldException(
          "stages[%d].minimum".formatted(stage),
          "%d devices are the minimum, and only %d are left for %s: lower it, or let the stage take more"
              .formatted(rule.minimum(), devices, rule.text()));
    }
  }

  private static String holdbackAbove(List<Ranked> ranked, RolloutPlan plan) {
    if (plan.limits().holdback() == 0) {
      return EVERYTHING;
    }
    List<Ranked> open =
        ranked.stream()
            .filter(
                one ->
                    plan.stages().stream()
                        .noneMatch(rule -> one.candidate().isNamedBy(rule.selection())))
            .toList();
    int kept = open.size() - plan.limits().holdback();
    if (kept < 1) {
      throw new InvalidFieldException(
          "holdback",
          "%d devices cannot be held back of %d: at least one must get the version"
              .formatted(plan.limits().holdback(), open.size()));
    }
    return open.get(kept - 1).rank();
  }

  private record Taken(List<Ranked> devices, Boundary boundary) {}

  private static Taken take(StageRule rule, Set<Ranked> left, int all, String holdbackAbove) {
    Selection selection = rule.selection();
    return switch (selection) {
      case Selection.Cohort _, Selection.Profile _ ->
          new Taken(
              left.stream().filter(one -> one.candidate().isNamedBy(selection)).toList(),
              new Boundary(selection, NOTHING, List.of()));
      case Selection.Holdback _ ->
          new Taken(
              left.stream().filter(one -> one.rank().compareTo(holdbackAbove) > 0).toList(),
              new Boundary(selection, NOTHING, List.of()));
      case Selection.Percent(int percent) when percent == 100 ->
          new Taken(
              left.stream().filter(one -> one.rank().compareTo(holdbackAbove) <= 0).toList(),
              new Boundary(selection, EVERYTHING, List.of()));
      case Selection.Percent(int percent) ->
          byRank(
              rule,
              left,
              (int) Math.ceilDiv((long) all * percent, 100L) - (all - left.size()),
              holdbackAbove);
      case Selection.Count(int devices) -> byRank(rule, left, devices, holdbackAbove);
    };
  }

  private static Taken byRank(StageRule rule, Set<Ranked> left, int wanted, String holdbackAbove) {
    List<Ranked> open =
        left.stream().filter(one -> one.rank().compareTo(holdbackAbove) <= 0).toList();
    int share = Math.max(Math.max(0, wanted), rule.minimum());
    Map<ProfileId, Ranked> firsts = new HashMap<>();
    if (share > 0) {
      open.forEach(one -> firsts.putIfAbsent(one.candidate().profile(), one));
    }
    Set<Ranked> taken = new LinkedHashSet<>(firsts.values());
    String threshold = NOTHING;
    for (Ranked one : open) {
      if (!taken.contains(one)) {
        if (taken.size() >= share) {
          break;
        }
        taken.add(one);
      }
      threshold = one.rank();
    }
    String highest = threshold;
    return new Taken(
        open.stream().filter(taken::contains).toList(),
        new Boundary(
            rule.selection(),
            highest,
            firsts.values().stream()
                .filter(one -> one.rank().compareTo(highest) > 0)
                .map(one -> one.candidate().device())
                .sorted(Comparator.comparing(DeviceId::value))
                .toList()));
  }
}
