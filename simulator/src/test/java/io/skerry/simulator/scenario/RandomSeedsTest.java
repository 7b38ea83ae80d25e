package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Fault;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Other seeds with every commit would tell nobody which commit broke them: these stay. */
@Execution(ExecutionMode.CONCURRENT)
class RandomSeedsTest {
  private static final int WIDE_SEEDS = 20;
  private static final int SEEDS_OF_A_PART = 20;

  /** The size of a fleet, and for how long everything goes wrong in it. */
  private record Size(int devices, int days) {
    static final Size WIDE = new Size(6, 3);
    static final Size SMALL = new Size(3, 1);

    static Size of(long seed) {
      return seed <= WIDE_SEEDS ? WIDE : SMALL;
    }
  }

  @BeforeAll
  static void quiet() {
    Quiet.please();
  }

  /** 200 seeds, in parts that run beside each other; the first ones in larger fleets. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void nothingBreaksWhateverGoesWrong(int part) {
    Scenario random = new Random();
    List<String> broken = new ArrayList<>();

    for (int i = 1; i <= SEEDS_OF_A_PART; i++) {
      long seed = (long) part * SEEDS_OF_A_PART + i;
      Size size = Size.of(seed);
      Run.Result result = random.run(seed, size.devices(), size.days()).run(0);
      if (!result.held()) {
        broken.add(
            "./skerry simulate --seed %d --devices %d --days %d: %s"
                .formatted(
                    seed,
                    size.devices(),
                    size.days(),
                    SimulateMain.firstBreak(result).orElseThrow()));
      }
    }

    assertThat(broken).isEmpty();
  }

  /**
   * An order while the control plane was dead; a first version that was killed on probation; a
   * machine that stopped in the moment in which its only version was switched off; one that stopped
   * in the moment in which it took an order; an order to switch off that a disk kept waiting until
   * a newer one overtook it.
   */
  @ParameterizedTest
  @ValueSource(longs = {700202, 700204, 800048, 800266, 800568})
  void nothingBreaksThatOnceDid(long seed) {
    List<Fault> faults = Fault.draw(seed, 20, 7, Fault.Rates.HARD.withoutApart());

    assertThat(new Random().run(seed, 20, 7, faults).run(0).outcome().breaks()).isEmpty();
  }
}
