package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunTest {
  /** A story in which something is thrown after some hours, or when it is judged. */
  private record Thrown(boolean atTheEnd) implements Scenario {
    @Override
    public String name() {
      return "thrown";
    }

    @Override
    public String claim() {
      return "nothing";
    }

    @Override
    public void tell(Story story) {
      story.at(
          Duration.ofHours(5),
          () -> {
            if (!atTheEnd) {
              throw new IllegalStateException("a mistake");
            }
          });
    }

    @Override
    public List<Claim> judge(Story story) {
      throw new AssertionError("another mistake");
    }
  }

  @Test
  void whatIsThrownInARunIsAClaimThatDoesNotHold() {
    Run.Result result = new Thrown(false).run(1, 3, 1).run(0);

    assertThat(result.held()).isFalse();
    assertThat(result.symptoms()).containsExactly("run-ends");
    assertThat(SimulateMain.firstBreak(result).orElseThrow())
        .contains("run-ends")
        .contains("IllegalStateException: a mistake at ")
        .contains("RunTest");
  }

  @Test
  void whatIsThrownByAJudgementToo() {
    Run.Result result = new Thrown(true).run(1, 3, 1).run(0);

    assertThat(SimulateMain.firstBreak(result).orElseThrow()).contains("another mistake");
  }

  @Test
  void anotherFailureIsAnotherSymptom() {
    Run.Result result = new Thrown(false).run(1, 3, 1).run(0);

    assertThat(result.fails("run-ends")).isTrue();
    assertThat(result.fails("invariant 2, observed")).isFalse();
  }
}
