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
  void asksAgainWhatWasNeededForWhatIsGoneSince() {
    List<Fault> four = FAULTS.subList(0, 4);
    Fault needless = four.get(1);
    Fault hiding = four.get(3);

    List<Fault> few =
        new Shrinker(
                faults ->
                    faults.contains(four.get(0))
                        && faults.contains(four.get(2))
                        && (!faults.contains(hiding) || faults.contains(needless)),
                1000)
            .shrink(four);

    assertThat(few).containsExactly(four.get(0), four.get(2));
  }

  @Test
  void letsThemLastAsShortAsTheyMay() {
    Fault one = FAULTS.getFirst().lasting(1_000_000);

    List<Fault> few =
        new Shrinker(faults -> faults.stream().anyMatch(fault -> fault.lasts() >= 20_000), 1000)
            .shrink(List.of(one));

    assertThat(few).containsExactly(one.lasting(62_500));
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
