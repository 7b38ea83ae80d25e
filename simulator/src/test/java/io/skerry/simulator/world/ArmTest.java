package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.Metric;
import io.skerry.protocol.ProfileId;
import org.junit.jupiter.api.Test;

class ArmTest {
  private final Arm arm = new Arm(new ProfileId("x86-64-avx2"), true);
  private long transactions;

  private void stored(long... epochs) {
    transactions++;
    for (long epoch : epochs) {
      arm.process(epoch, transactions);
    }
  }

  private double restarts() {
    return arm.counts.hits(Metric.RESTARTS);
  }

  @Test
  void countsEachBootThatATransactionTellsOfAsARestart() {
    stored(5, 6, 6, 8);
    assertThat(restarts()).as("of the first").isEqualTo(2);

    stored(11, 8, 9, 11, 12);
    assertThat(restarts()).as("of a backlog").isEqualTo(5);
  }

  @Test
  void countsNoBootThatWasKnownAndNoneThatIsToldLate() {
    stored(5);
    stored(8);
    stored(8, 7);

    assertThat(restarts()).isEqualTo(1);
    assertThat(arm.counts.trials(Metric.RESTARTS)).isEqualTo(4);
  }
}
