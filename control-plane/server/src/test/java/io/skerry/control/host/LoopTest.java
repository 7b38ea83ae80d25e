package io.skerry.control.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LoopTest {
  private static final int WITHIN_SECONDS = 20;

  static Throwable[] failures() {
    return new Throwable[] {
      new IllegalStateException("refused"),
      new OutOfMemoryError("Java heap space"),
      new StackOverflowError()
    };
  }

  @ParameterizedTest
  @MethodSource("failures")
  void goesOnAfterARoundThatFailed(Throwable failure) throws Exception {
    CountDownLatch rounds = new CountDownLatch(2);
    Loop.Step step =
        () -> {
          rounds.countDown();
          switch (failure) {
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalArgumentException(failure);
          }
        };

    try (Loop _ = Loop.start("test", step)) {
      assertThat(rounds.await(WITHIN_SECONDS, TimeUnit.SECONDS)).as("a second round").isTrue();
    }
  }
}
