package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class DeterminismTest {
  @BeforeAll
  static void quiet() {
    Quiet.please();
  }

  @Test
  void theSameSeedDoesTheSameWhateverElseTheMachineDoes() throws Exception {
    Scenario random = new Random();
    String alone = random.run(11, 8, 3).run(0).outcome().hash();

    try (ExecutorService crowd = Executors.newFixedThreadPool(3)) {
      Callable<String> again = () -> random.run(11, 8, 3).run(0).outcome().hash();
      for (Future<String> hash : crowd.invokeAll(List.of(again, again, again))) {
        assertThat(hash.get()).isEqualTo(alone);
      }
    }
  }

  @Test
  void anotherSeedDoesSomethingElse() {
    Scenario random = new Random();

    assertThat(random.run(11, 4, 1).run(0).outcome().hash())
        .isNotEqualTo(random.run(12, 4, 1).run(0).outcome().hash());
  }
}
