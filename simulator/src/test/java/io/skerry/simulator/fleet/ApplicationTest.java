package io.skerry.simulator.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.machine.Machine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ApplicationTest {
  private static final Machine MACHINE =
      new Machine("m", Collections.nCopies(200, new float[] {1}), 0);

  @Test
  void tellsTheOutcomeOfEverySecondPredictionSomeTicksLater() {
    RecordingPort port = new RecordingPort();
    Application application = new Application(new MachineFeed(MACHINE, 1, 50), port);

    for (int i = 0; i < 20; i++) {
      application.tick();
    }

    assertThat(port.asked).isEqualTo(20);
    assertThat(port.outcomes).startsWith("p2=0.0", "p4=0.0").hasSize(6);
    assertThat(application.counts()).isEqualTo(new Application.Counts(20, 0, 6));
  }

  @Test
  void tellsThatAMachineNearItsEndFailed() {
    RecordingPort port = new RecordingPort();
    Application application = new Application(new MachineFeed(MACHINE, 1, 175), port);

    for (int i = 0; i < 12; i++) {
      application.tick();
    }

    assertThat(port.outcomes).first().asString().endsWith("=1.0");
  }

  @Test
  void countsAFailedPredictionAndWaitsForNoOutcome() {
    Application application =
        new Application(
            new MachineFeed(MACHINE, 1, 50),
            new Application.Port() {
              @Override
              public Optional<String> predict(float[] window) throws Application.PredictionFailed {
                throw new Application.PredictionFailed("engine gone", new Exception());
              }

              @Override
              public void feedback(String predictionId, double actual) {
                throw new AssertionError("nothing was predicted");
              }
            });

    for (int i = 0; i < 20; i++) {
      application.tick();
    }

    assertThat(application.counts()).isEqualTo(new Application.Counts(20, 20, 0));
    assertThat(application.lastFailure()).isEqualTo("engine gone");
  }

  @Test
  void waitsForTheFirstModelAndMissesItWhenItIsGone() {
    RecordingPort port = new RecordingPort();
    Application application = new Application(new MachineFeed(MACHINE, 1, 50), port);

    port.hasModel = false;
    application.tick();
    assertThat(application.counts()).isEqualTo(new Application.Counts(0, 0, 0));
    port.hasModel = true;
    application.tick();
    port.hasModel = false;
    application.tick();

    assertThat(application.counts()).isEqualTo(new Application.Counts(2, 1, 0));
    assertThat(application.lastFailure()).contains("no model any more");
  }

  private static final class RecordingPort implements Application.Port {
    private int asked;
    private boolean hasModel = true;
    private final List<String> outcomes = new ArrayList<>();

    @Override
    public Optional<String> predict(float[] window) {
      asked++;
      return hasModel ? Optional.of("p" + asked) : Optional.empty();
    }

    @Override
    public void feedback(String predictionId, double actual) {
      outcomes.add(predictionId + "=" + actual);
    }
  }
}
