package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StageMembershipTest {
  private static final List<Integer> PERCENTS = List.of(10, 40, 100);

  @Test
  void takesTheFirstSharesAndEveryDeviceOnce() {
    List<List<Candidate>> stages = StageMembership.assign(candidates(51), "salt", PERCENTS);

    assertThat(stages).extracting(List::size).containsExactly(6, 15, 30);
    assertThat(stages.stream().flatMap(List::stream))
        .containsExactlyInAnyOrderElementsOf(candidates(51));
  }

  @Test
  void holdsEveryProfileInEveryStage() {
    for (String salt : List.of("a", "b", "c", "d", "e")) {
      for (List<Candidate> stage : StageMembership.assign(candidates(51), salt, PERCENTS)) {
        assertThat(stage.stream().map(Candidate::profile).distinct()).hasSize(4);
      }
    }
  }

  @Test
  void givesTheSameStagesInAnyOrderAndOthersWithAnotherSalt() {
    List<Candidate> shuffled = new ArrayList<>(candidates(51));
    Collections.shuffle(shuffled, new Random(1));

    assertThat(StageMembership.assign(shuffled, "salt", PERCENTS))
        .isEqualTo(StageMembership.assign(candidates(51), "salt", PERCENTS))
        .isNotEqualTo(StageMembership.assign(candidates(51), "pepper", PERCENTS));
  }

  @Test
  void leavesStagesEmptyWhenThereAreTooFewDevices() {
    assertThat(StageMembership.assign(candidates(1), "salt", PERCENTS))
        .extracting(List::size)
        .containsExactly(1, 0, 0);
  }

  @Test
  void refusesPercentagesThatDoNotRiseTo100() {
    for (List<Integer> wrong :
        List.of(List.<Integer>of(), List.of(10), List.of(40, 10, 100), List.of(10, 120))) {
      assertThatThrownBy(
              () ->
                  new RolloutPlan(
                      wrong, Duration.ZERO, RolloutPlan.Deadlines.forSoak(Duration.ofSeconds(1))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("stages");
    }
  }

  private static List<Candidate> candidates(int devices) {
    List<Candidate> candidates = new ArrayList<>();
    for (int device = 0; device < devices; device++) {
      candidates.add(
          new Candidate(new DeviceId("device-" + device), new ProfileId("profile-" + device % 4)));
    }
    return candidates;
  }
}
