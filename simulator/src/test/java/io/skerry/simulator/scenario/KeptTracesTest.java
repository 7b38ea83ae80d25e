package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs that broke once, each kept under the name of what broke it. */
@Execution(ExecutionMode.CONCURRENT)
class KeptTracesTest {
  private static final Path FOLDER = Path.of("src", "test", "resources", "traces");

  @BeforeAll
  static void quiet() {
    Quiet.please();
  }

  @ParameterizedTest
  @MethodSource("kept")
  void nothingBreaksThatOnceDid(Path file) throws TraceFile.BadTraceException {
    TraceFile trace = TraceFile.read(file);
    Scenario scenario = Library.find(trace.scenario()).orElseThrow();

    Run.Result result =
        scenario.run(trace.seed(), trace.devices(), trace.days(), trace.faults()).run(0);

    assertThat(result.claims()).allMatch(Claim::held);
  }

  @Test
  void areThere() throws IOException {
    assertThat(kept()).hasSizeGreaterThan(4);
  }

  static List<Path> kept() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.filter(file -> file.toString().endsWith(".trace")).sorted().toList();
    }
  }
}
