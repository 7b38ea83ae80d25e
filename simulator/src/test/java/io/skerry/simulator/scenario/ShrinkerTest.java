package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Fault;
import java.util.List;
import org.junit.jupiter.api.Test;

class ShrinkerTest {
  private static final List<Fault> FAULTS = Fault.draw(7, 10, 7, Fault.Rates.HARD);

  @Test
  void findsTheTwoThatBreakARun() {
    Fault one = FAULTS.get(3);
    Fault other = FAULTS.get(FAULTS.size() - 2);

    List<Fault> few =
        new Shrinker(faults -> faults.contains(one) && faults.contains(other), 1000).shrink(FAULTS);

    assertThat(few).containsExactly(one, other);
  }

  @Test
  void findsThatNoneIsNeeded() {
    assertThat(new Shrinker(faults -> true, 1000).shrink(FAULTS)).isEmpty();
  }

  @Test
  void stopsWhenItsRunsAreSpent() {
    int[] runs = new int[1];

    new Shrinker(
            faults -> {
              runs[0]++;
              return false;
            },
            5)
        .shrink(FAULTS);

    assertThat(runs[0]).isEqualTo(5);
  }
}
