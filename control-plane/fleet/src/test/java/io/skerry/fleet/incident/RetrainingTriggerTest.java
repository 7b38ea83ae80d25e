package io.skerry.fleet.incident;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.incident.RetrainingTrigger.Decision;
import io.skerry.fleet.incident.RetrainingTrigger.Evidence;
import io.skerry.fleet.incident.RetrainingTrigger.Policy;
import io.skerry.fleet.incident.RetrainingTrigger.Verdict;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RetrainingTriggerTest {
  private static final Instant NOW = Instant.parse("2026-11-27T03:00:00Z");
  private static final Policy AUTOMATIC = new Policy(true, Duration.ofHours(24), 3);

  @ParameterizedTest
  @CsvSource({
    "true,  2, 40, '',         25, 2, START, harmful",
    "false, 9, 99, '',         25, 0, WAIT,  investigate",
    "true,  1, 99, '',         25, 0, WAIT,  confirmed by 1",
    "true,  2, 39, '',         25, 0, WAIT,  39 predictions",
    "true,  2, 99, incident-7, 25, 0, WAIT,  incident-7",
    "true,  2, 99, '',         23, 0, WAIT,  the last run",
    "true,  2, 99, '',         24, 0, START, harmful",
    "true,  2, 99, '',         25, 3, WAIT,  3 runs in 30 days",
  })
  void startsOnlyWhenAllOfItHolds(
      boolean harmful,
      int confirmations,
      long labelled,
      String quality,
      long hoursAgo,
      int runs,
      Decision decision,
      String reason) {
    Verdict verdict =
        RetrainingTrigger.decide(
            new Evidence(
                harmful,
                confirmations,
                labelled,
                Optional.of(quality).filter(text -> !text.isEmpty()),
                Optional.of(NOW.minus(Duration.ofHours(hoursAgo))),
                runs,
                Optional.empty()),
            AUTOMATIC,
            NOW);

    assertThat(verdict.decision()).isEqualTo(decision);
    assertThat(verdict.reason()).contains(reason);
  }

  @Test
  void proposesNothingThatCannotBeDone() {
    Evidence imported =
        new Evidence(
            true, 2, 40, Optional.empty(), Optional.empty(), 0, Optional.of("m@1 was imported"));

    for (Policy policy : new Policy[] {Policy.USUAL, AUTOMATIC}) {
      assertThat(RetrainingTrigger.decide(imported, policy, NOW))
          .isEqualTo(new Verdict(Decision.WAIT, "m@1 was imported"));
    }
  }

  @Test
  void proposesWhereThePolicyLeavesTheStartToPeople() {
    Evidence all =
        new Evidence(true, 2, 40, Optional.empty(), Optional.empty(), 0, Optional.empty());

    assertThat(RetrainingTrigger.decide(all, Policy.USUAL, NOW).decision())
        .isEqualTo(Decision.PROPOSE);
  }
}
