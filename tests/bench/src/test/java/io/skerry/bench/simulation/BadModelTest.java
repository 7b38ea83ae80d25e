package io.skerry.bench.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("bench")
class BadModelTest {
  private static final int DEVICES = 20;
  private static final String WORLD = "io.skerry.simulator.world.";

  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  @BeforeAll
  static void quiet() {
    System.setProperty("slf4j.provider", "org.slf4j.jul.JULServiceProvider");
    LOG.setLevel(Level.OFF);
  }

  @Test
  void aWrongModelIsTakenBackFromEverybody() throws Exception {
    assertThat(with(PlantedFault.NONE)).startsWith("0", "0", "0");
  }

  @Test
  void aDeviceThatIsNotOrderedBackIsFound() throws Exception {
    String[] found = with(fault("RolloutShell", Mutation.doesNothing("back")));

    assertThat(Long.parseLong(found[1])).as(found[3]).isPositive();
  }

  @Test
  void aPredictionThatFailsWithAGoodVersionIsFound() throws Exception {
    String[] found = with(fault("SimEngine$Loaded", Mutation.says("run", "FAILS", "GOOD")));

    assertThat(Long.parseLong(found[0])).as(found[3]).isPositive();
  }

  private static PlantedFault fault(String type, Mutation mutation) {
    return new PlantedFault("planted", "of a bad model's rollout", WORLD + type, mutation, "");
  }

  @SuppressWarnings("unchecked") // BadModel says what it gives.
  private static String[] with(PlantedFault fault) throws Exception {
    try (PlantedClasses classes = new PlantedClasses(fault)) {
      Callable<String[]> run =
          (Callable<String[]>)
              classes
                  .loadClass(BadModel.class.getName())
                  .getConstructor(String.class, int.class)
                  .newInstance("WRONG", DEVICES);
      return run.call();
    }
  }
}
