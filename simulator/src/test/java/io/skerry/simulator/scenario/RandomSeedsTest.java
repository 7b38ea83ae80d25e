package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Fault;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Other seeds with every commit would tell nobody which commit broke them: these stay. */
@Execution(ExecutionMode.CONCURRENT)
class RandomSeedsTest {
  private static final int SEEDS = 30;
  private static final int DEVICES = 6;
  private static final int DAYS = 3;

  @BeforeAll
  static void quiet() {
    Quiet.please();
  }

  @Test
  void nothingBreaksWhateverGoesWrong() {
    Scenario random = new Random();
    List<String> broken = new ArrayList<>();

    for (long seed = 1; seed <= SEEDS; seed++) {
      Run.Result result = random.run(seed, DEVICES, DAYS).run(0);
      if (!result.held()) {
        broken.add(
            "./skerry simulate --seed %d --devices %d --days %d: %s"
                .formatted(seed, DEVICES, DAYS, SimulateMain.firstBreak(result).orElseThrow()));
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
