package io.skerry.fleet.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.ArmCounts.Bins;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LatencyHistoryTest {
  private static final Optional<Duration> BUDGET = Optional.of(Duration.ofMillis(10));

  private final LatencyHistory history = new LatencyHistory();

  private void told(int fold, Long... counts) {
    history.add(Bins.of(List.of(counts), fold));
  }

  @Test
  void asksOfWholeBinsWhereMostAreWhole() {
    told(1, 0L, 500L, 300L, 150L, 40L, 8L, 2L, 0L);
    told(2, 900L, 0L, 0L, 0L, 0L, 0L, 0L, 0L);

    assertThat(history.resolution()).isOne();
    assertThat(history.edge(BUDGET)).hasValue(5);
  }

  @Test
  void asksOnBordersOfWhatMostAddUp() {
    told(1, 0L, 500L, 300L, 150L, 40L, 8L, 2L, 0L);
    told(2, 500L, 0L, 450L, 0L, 48L, 0L, 12L, 0L);
    assertThat(history.resolution()).isEqualTo(2);
    assertThat(history.edge(BUDGET)).as("22 of 2010 above, or 100").hasValue(6);

    told(4, 9000L, 0L, 0L, 0L, 100L, 0L, 0L, 0L);
    assertThat(history.resolution()).isEqualTo(4);
    assertThat(history.edge(BUDGET)).hasValue(4);
  }

  @Test
  void asksByTheBudgetWhereLittleIsKnown() {
    assertThat(history.resolution()).isOne();
    assertThat(history.edge(BUDGET)).hasValue(27);
    assertThat(history.edge(Optional.empty())).isEmpty();

    told(4, 20L, 0L, 0L, 0L);
    assertThat(history.edge(BUDGET)).as("wholly over it").hasValue(28);
  }
}
