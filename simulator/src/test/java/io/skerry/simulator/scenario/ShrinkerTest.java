package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Fault;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class ShrinkerTest {
  private static final List<Fault> FAULTS = Fault.draw(7, 10, 7, Fault.Rates.HARD);

  // Of a scenario that takes just this size.
  private static List<Fault> shrunk(
      Predicate<List<Fault>> breaks, int runsMax, List<Fault> faults) {
    return new Shrinker(run -> breaks.test(run.faults()), runsMax)
        .shrink(new Shrinker.Size(10, 7, faults), 10, 7)
        .faults();
  }

  @Test
  void findsTheTwoThatBreakARun() {
    Fault one = FAULTS.get(3);
    Fault other = FAULTS.get(FAULTS.size() - 2);

    List<Fault> few =
        shrunk(faults -> faults.contains(one) && faults.contains(other), 1000, FAULTS);

    assertThat(few).containsExactly(one, other);
  }

  @Test
  void asksAgainWhatWasNeededForWhatIsGoneSince() {
    List<Fault> four = FAULTS.subList(0, 4);
    Fault needless = four.get(1);
    Fault hiding = four.get(3);

    List<Fault> few =
        shrunk(
            faults ->
                faults.contains(four.get(0))
                    && faults.contains(four.get(2))
                    && (!faults.contains(hiding) || faults.contains(needless)),
            1000,
            four);

    assertThat(few).containsExactly(four.get(0), four.get(2));
  }

  @Test
  void letsThemLastAsShortAsTheyMay() {
    Fault one = FAULTS.getFirst().lasting(1_000_000);

    List<Fault> few =
        shrunk(
            faults -> faults.stream().anyMatch(fault -> fault.lasts() >= 20_000),
            1000,
            List.of(one));

    assertThat(few).containsExactly(one.lasting(62_500));
  }

  @Test
  void findsThatNoneIsNeeded() {
    assertThat(shrunk(faults -> true, 1000, FAULTS)).isEmpty();
  }

  @Test
  void stopsWhenItsRunsAreSpent() {
    int[] runs = new int[1];

    shrunk(
        faults -> {
          runs[0]++;
          return false;
        },
        5,
        FAULTS);

    assertThat(runs[0]).isEqualTo(5);
  }

  @Test
  void halvesTheFleetAndTheTimeAsFarAsItStillBreaks() {
    Shrinker.Size few =
        new Shrinker(run -> run.devices() >= 5 && run.days() >= 2, 1000)
            .shrink(new Shrinker.Size(20, 7, FAULTS), 3, 1);

    assertThat(few).isEqualTo(new Shrinker.Size(5, 3, List.of()));
  }

  @Test
  void goesNoLowerThanTheScenarioTakes() {
    assertThat(new Shrinker(run -> true, 1000).shrink(new Shrinker.Size(20, 7, FAULTS), 8, 2))
        .isEqualTo(new Shrinker.Size(10, 3, List.of()));
  }

  @Test
  void takesFaultsOfWhoIsGoneOutWithThem() {
    Fault early = new Fault(1000, Fault.Kind.POWER_CUT, 1, 1, 1);
    Fault late = new Fault(3 * 86_400_000L, Fault.Kind.POWER_CUT, 1, 1, 1);
    Fault other = new Fault(1000, Fault.Kind.POWER_CUT, 9, 1, 1);

    assertThat(new Shrinker.Size(10, 4, List.of(early, late, other)).within(5, 2).faults())
        .containsExactly(early);
  }
}
