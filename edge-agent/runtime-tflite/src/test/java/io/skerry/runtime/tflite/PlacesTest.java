package io.skerry.runtime.tflite;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.RunScope;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PlacesTest {
  private final Places places = new Places(1);

  @Test
  void aCallThatIsStoppedStopsWaitingAndTheOthersGoOn() throws Exception {
    places.take(RunScope.lasting());
    RunScope leaving = RunScope.lasting();
    CompletableFuture<Reason> left = taking(leaving);
    CompletableFuture<Reason> patient = taking(RunScope.lasting());

    leaving.stop();

    assertThat(left).succeedsWithin(10, TimeUnit.SECONDS).isEqualTo(Reason.STOPPED);
    assertThat(patient).isNotDone();
    places.give();
    assertThat(patient).succeedsWithin(10, TimeUnit.SECONDS).isNull();
  }

  /** Its thread serves others too: it goes on, and the call is made again elsewhere. */
  @Test
  void aCallThatMayNotWaitTakesAFreePlaceOrNone() throws Exception {
    RunScope hurried = RunScope.lasting();
    hurried.mayNotWait();

    places.take(hurried);

    assertThat(taking(hurried)).succeedsWithin(10, TimeUnit.SECONDS).isEqualTo(Reason.MUST_WAIT);
    places.give();
    places.take(hurried);
  }

  private CompletableFuture<Reason> taking(RunScope scope) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            places.take(scope);
            return null;
          } catch (EngineException e) {
            return e.reason();
          }
        },
        task -> Thread.ofPlatform().daemon().start(task));
  }
}
