package io.skerry.fleet.incident;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.Outcome;
import io.skerry.telemetry.drift.Stream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class IncidentMachineTest {
  private static final Incident OPEN =
      IncidentMachine.opened(
          new DriftFinding(
              new Cohort("site", "b"),
              "s11",
              10,
              12,
              .4,
              2.5,
              3,
              17,
              800,
              15,
              new Stream("s11", Stream.Kind.CONDITIONAL)));

  @Test
  void confirmsHarmOnlyBeyondTheUncertainty() {
    Incident same = counted(OPEN, accuracy(.9, 1), accuracy(.89, 2));
    Incident worse = counted(OPEN, accuracy(.9, 1), accuracy(.6, 2));

    assertThat(same.state()).isEqualTo(IncidentState.OPEN);
    assertThat(same.harm()).isPresent();
    assertThat(worse.state()).isEqualTo(IncidentState.HARM_CONFIRMED);
  }

  @Test
  void keepsConfirmedHarmAndCountsOn() {
    Incident worse = counted(OPEN, accuracy(.9, 1), accuracy(.6, 2));

    Incident later = counted(worse, accuracy(.9, 1), accuracy(.9, 3));
    Incident persisted = IncidentMachine.after(later, new IncidentEvent.Persisted());

    assertThat(later.state()).isEqualTo(IncidentState.HARM_CONFIRMED);
    assertThat(persisted.confirmations()).isEqualTo(1);
  }

  @Test
  void staysResolved() {
    Incident resolved = IncidentMachine.after(OPEN, new IncidentEvent.Resolved("retrained"));

    assertThat(resolved.isOpen()).isFalse();
    assertThat(resolved.resolution()).isEqualTo("retrained");
    assertThat(IncidentMachine.after(resolved, new IncidentEvent.Persisted())).isEqualTo(resolved);
  }

  private static Incident counted(Incident incident, Accuracy before, Accuracy after) {
    return IncidentMachine.after(incident, new IncidentEvent.OutcomesCounted(before, after));
  }

  private static Accuracy accuracy(double share, long seed) {
    Random random = new Random(seed);
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < 900; i++) {
      boolean positive = i % 10 == 0;
      boolean right = random.nextDouble() < share;
      outcomes.add(new Outcome(new DeviceId("d" + i % 17), positive == right ? .9 : .1, positive));
    }
    return Accuracy.of(outcomes, .5).orElseThrow();
  }
}
