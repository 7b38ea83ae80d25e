package io.skerry.fleet.incident;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.incident.RetrainingTrigger.Decision;
import io.skerry.fleet.incident.RetrainingTrigger.Evidence;
import io.skerry.fleet.incident.RetrainingTrigger.Hypothesis;
import io.skerry.fleet.incident.RetrainingTrigger.Settings;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RetrainingTriggerTest {
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");
  private static final Settings SETTINGS = new Settings(2, 100, Duration.ofHours(6));

  private static Incident harmful() {
    Incident incident =
        IncidentMachine.after(
            IncidentMachineTest.open(),
            new IncidentEvent.OutcomesCounted(
                IncidentMachineTest.accuracy(.9, 1), IncidentMachineTest.accuracy(.6, 2)));
    for (int i = 0; i < 2; i++) {
      incident = IncidentMachine.after(incident, new IncidentEvent.Persisted());
    }
    return incident;
  }

  private static Decision decide(
      Incident incident, List<Long> labelled, int quality, Optional<Instant> last) {
    return RetrainingTrigger.decide(SETTINGS, new Evidence(incident, labelled, quality, last), NOW);
  }

  @Test
  void retrainsWhenHarmLastsAndThereIsEnoughToLearnFrom() {
    Decision decision =
        decide(harmful(), List.of(150L, 100L), 0, Optional.of(NOW.minus(Duration.ofHours(7))));

    assertThat(decision)
        .isInstanceOfSatisfying(
            Decision.Retrain.class,
            retrain -> {
              Hypothesis hypothesis = retrain.hypothesis();
              assertThat(hypothesis.text()).contains("site=b", "s11");
              assertThat(hypothesis.heldAgainst(.88).helped()).isTrue();
              assertThat(hypothesis.heldAgainst(.65).helped()).isFalse();
            });
  }

  @Test
  void saysEverythingThatIsMissing() {
    Decision decision =
        decide(
            IncidentMachineTest.open(),
            List.of(150L, 99L),
            1,
            Optional.of(NOW.minus(Duration.ofHours(5))));

    assertThat(decision)
        .isInstanceOfSatisfying(
            Decision.Wait.class,
            wait ->
                assertThat(wait.reasons())
                    .satisfiesExactly(
                        reason -> assertThat(reason).contains("accuracy has not fallen"),
                        reason -> assertThat(reason).contains("0 windows"),
                        reason -> assertThat(reason).contains("99 labelled"),
                        reason -> assertThat(reason).contains("1 data-quality"),
                        reason -> assertThat(reason).contains("2026-01-02T04:04:05Z")));
  }

  @Test
  void waitsForLabelsWhenNobodyCountedThem() {
    assertThat(decide(harmful(), List.of(), 0, Optional.empty())).isInstanceOf(Decision.Wait.class);
  }
}
