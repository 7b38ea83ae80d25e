package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Execution(ExecutionMode.CONCURRENT)
class LibraryTest {
  @BeforeAll
  static void quiet() {
    Quiet.please();
  }

  @ParameterizedTest
  @MethodSource("names")
  void holdsWhatItClaims(String name) {
    Scenario scenario = Library.find(name).orElseThrow();

    Run.Result result = scenario.run(1, scenario.devices(), scenario.days()).run(0);

    assertThat(result.claims()).allMatch(Claim::held);
  }

  static Stream<String> names() {
    return Library.all().stream().map(Scenario::name);
  }
}
