package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.fleet.rollout.StageMembership.Membership;
import io.skerry.fleet.rollout.StageRule.Selection;
import io.skerry.protocol.CohortName;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StageMembershipTest {
  private static final RolloutPlan PLAN = plan(0, percents(10, 40, 100));

  @Test
  void takesTheFirstSharesAndEveryDeviceOnce() {
    List<List<Candidate>> stages = StageMembership.assign(candidates(51), "salt", PLAN).stages();

    assertThat(stages).extracting(List::size).containsExactly(6, 15, 30);
    assertThat(stages.stream().flatMap(List::stream))
        .containsExactlyInAnyOrderElementsOf(candidates(51));
  }

  @Test
  void holdsEveryProfileInEveryStage() {
    for (String salt : List.of("a", "b", "c", "d", "e")) {
      for (List<Candidate> stage : StageMembership.assign(candidates(51), salt, PLAN).stages()) {
        assertThat(stage.stream().map(Candidate::profile).distinct()).hasSize(4);
      }
    }
  }

  @Test
  void givesTheSameStagesInAnyOrderAndOthersWithAnotherSalt() {
    List<Candidate> shuffled = new ArrayList<>(candidates(51));
    Collections.shuffle(shuffled, new Random(1));

    assertThat(StageMembership.assign(shuffled, "salt", PLAN))
        .isEqualTo(StageMembership.assign(candidates(51), "salt", PLAN))
        .isNotEqualTo(StageMembership.assign(candidates(51), "pepper", PLAN));
  }

  @Test
  void leavesStagesEmptyWhenThereAreTooFewDevices() {
    assertThat(StageMembership.assign(candidates(1), "salt", PLAN).stages())
        .extracting(List::size)
        .containsExactly(1, 0, 0);
  }

  @Test
  void takesNeverFewerThanTheMinimum() {
    RolloutPlan plan =
        plan(
            0, List.of(new StageRule(new Selection.Percent(1), 12, false), StageRule.percent(100)));

    assertThat(StageMembership.assign(candidates(51), "salt", plan).stages())
        .extracting(List::size)
        .containsExactly(12, 39);
  }

  @Test
  void refusesAMinimumThatAStageCannotReach() {
    StageRule.Selection lab = new Selection.Cohort(new CohortName("lab"));
    StageRule.Selection board = new Selection.Profile(new ProfileId("profile-1"));

    // Six devices are in the cohort, 13 of the profile, of 51.
    refusedMinimum(0, "7 devices", "only 6", List.of(new StageRule(lab, 7, false)));
    refusedMinimum(0, "14 devices", "only 13", List.of(new StageRule(board, 14, false)));
    refusedMinimum(
        1,
        "47 devices",
        "only 45",
        List.of(StageRule.percent(10), new StageRule(new Selection.Percent(100), 47, false)));
    refusedMinimum(
        0,
        "60 devices",
        "only 51",
        List.of(
            new StageRule(new Selection.Percent(10), 60, false),
            new StageRule(new Selection.Percent(100), 0, false)));
  }

  private static void refusedMinimum(int stage, String asked, String there, List<StageRule> rules) {
    assertThatThrownBy(() -> StageMembership.assign(candidates(51), "salt", plan(0, rules)))
        .isInstanceOfSatisfying(
            InvalidFieldException.class,
            refusal -> {
              assertThat(refusal.field()).isEqualTo("stages[%d].minimum".formatted(stage));
              assertThat(refusal).hasMessageContaining(asked).hasMessageContaining(there);
            });
  }

  @Test
  void takesWhoIsThereForADynamicPlan() {
    List<StageRule> stages =
        List.of(new StageRule(new Selection.Percent(10), 60, false), StageRule.percent(100));

    assertThat(
            StageMembership.assign(candidates(51), "salt", plan(0, stages, true))
                .stages()
                .getFirst())
        .hasSize(51);
  }

  @Test
  void acceptsAMinimumThatAStageJustReaches() {
    RolloutPlan plan =
        plan(0, List.of(new StageRule(new Selection.Cohort(new CohortName("lab")), 6, false)));

    assertThat(StageMembership.assign(candidates(51), "salt", plan).stages().getFirst()).hasSize(6);
  }

  @Test
  void keepsTheWorstRankedAsHoldback() {
    Membership membership =
        StageMembership.assign(candidates(51), "salt", plan(8, percents(10, 100)));

    assertThat(membership.stages()).extracting(List::size).containsExactly(6, 37, 8);
    String best =
        membership.stages().getLast().stream()
            .map(candidate -> StageMembership.rank(candidate.device(), "salt"))
            .min(String::compareTo)
            .orElseThrow();
    assertThat(membership.stages().get(1))
        .allMatch(
            candidate -> StageMembership.rank(candidate.device(), "salt").compareTo(best) < 0);
  }

  @Test
  void findsEveryDevicesStageByTheBoundariesAlone() {
    List<List<StageRule>> plans =
        List.of(
            percents(10, 40, 100),
            List.of(
                new StageRule(new Selection.Cohort(new CohortName("lab")), 0, false),
                new StageRule(new Selection.Count(4), 0, false),
                StageRule.percent(50),
                StageRule.percent(100)),
            List.of(
                new StageRule(new Selection.Profile(new ProfileId("profile-1")), 0, false),
                new StageRule(new Selection.Profile(new ProfileId("profile-2")), 0, false)));
    for (List<StageRule> rules : plans) {
      for (int holdback : new int[] {0, 5}) {
        Membership membership =
            StageMembership.assign(candidates(51), "salt", plan(holdback, rules));
        for (int stage = 0; stage < membership.stages().size(); stage++) {
          for (Candidate candidate : membership.stages().get(stage)) {
            assertThat(stageOf(membership, candidate)).hasValue(stage);
          }
        }
        assertThat(membership.inNone())
            .allMatch(candidate -> stageOf(membership, candidate).isEmpty());
      }
    }
  }

  @Test
  void letsLaterDevicesJoinByTheirRank() {
    Membership membership = StageMembership.assign(candidates(51), "salt", PLAN);
    int[] joined = new int[3];
    for (int device = 0; device < 3000; device++) {
      Candidate newcomer = candidate(10_000 + device);
      joined[stageOf(membership, newcomer).orElseThrow()]++;
    }

    assertThat(joined[0] / 3000.0).isBetween(.02, .25);
    assertThat(joined[2] / 3000.0).isBetween(.4, .75);
  }

  @Test
  void refusesStagesThatCannotBe() {
    refused("stages", List.of());
    refused("stages[0].percent", percents(10));
    refused("stages[1].percent", percents(40, 10, 100));
    refused("stages[1].percent", percents(10, 120));
    StageRule lab = new StageRule(new Selection.Cohort(new CohortName("lab")), 0, false);
    refused("stages[1].cohort", List.of(lab, lab));
    refused("stages[1]", List.of(StageRule.percent(100), lab));
    refused("stages[0].count", List.of(new StageRule(new Selection.Count(0), 0, false)));
  }

  @Test
  void refusesCohortsThatShareADevice() {
    RolloutPlan plan =
        plan(
            0,
            List.of(
                new StageRule(new Selection.Cohort(new CohortName("lab")), 0, false),
                new StageRule(new Selection.Profile(new ProfileId("profile-0")), 0, false)));

    assertThatThrownBy(() -> StageMembership.assign(candidates(51), "salt", plan))
        .isInstanceOfSatisfying(
            InvalidFieldException.class,
            refusal -> {
              assertThat(refusal.field()).isEqualTo("stages[1]");
              assertThat(refusal).hasMessageContaining("must not overlap");
            });
  }

  private static void refused(String field, List<StageRule> stages) {
    assertThatThrownBy(() -> plan(0, stages))
        .isInstanceOfSatisfying(
            InvalidFieldException.class, refusal -> assertThat(refusal.field()).isEqualTo(field));
  }

  private static OptionalInt stageOf(Membership membership, Candidate candidate) {
    return StageMembership.stageOf(
        candidate,
        StageMembership.rank(candidate.device(), "salt"),
        membership.boundaries(),
        membership.holdbackAbove());
  }

  private static List<StageRule> percents(int... percents) {
    return Arrays.stream(percents).mapToObj(StageRule::percent).toList();
  }

  private static RolloutPlan plan(int holdback, List<StageRule> stages) {
    return plan(holdback, stages, false);
  }

  private static RolloutPlan plan(int holdback, List<StageRule> stages, boolean dynamic) {
    return new RolloutPlan(
        new RolloutKind.Replace(),
        stages,
        new RolloutPlan.Limits(holdback, Pace.UNLIMITED, 1000, 500, List.of()),
        dynamic,
        Duration.ZERO,
        RolloutPlan.Deadlines.DEFAULTS,
        RolloutPlan.Approval.NONE,
        GateSettings.DEFAULTS);
  }

  private static List<Candidate> candidates(int devices) {
    List<Candidate> candidates = new ArrayList<>();
    for (int device = 0; device < devices; device++) {
      candidates.add(candidate(device));
    }
    return candidates;
  }

  private static Candidate candidate(int device) {
    return new Candidate(
        new DeviceId("device-" + device),
        new ProfileId("profile-" + device % 4),
        device % 12 == 3 || device % 48 == 0 ? Set.of(new CohortName("lab")) : Set.of());
  }
}
