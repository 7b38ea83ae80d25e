package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.e2e.fault.Catalogue;
import io.skerry.e2e.fault.Fault;
import io.skerry.e2e.fault.FaultRunner;
import io.skerry.e2e.fault.Outcome;
import io.skerry.e2e.scene.Lab;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Every fault of the catalogue, at a few of its points; {@code skerry bench link} visits all. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FaultsTest {
  private static final int PARALLEL = 6;

  private @Nullable Path folder;
  private @Nullable Lab lab;
  private @Nullable FaultRunner runner;

  @TestFactory
  Stream<DynamicTest> everyFault() throws Exception {
    // Short: sockets lie in it, and a socket's path may have 107 bytes.
    Path made = Files.createTempDirectory("skf");
    folder = made;
    Lab opened = Lab.rehearsed(made);
    lab = opened;
    FaultRunner started = new FaultRunner(opened, Fault.Depth.SAMPLE, PARALLEL);
    runner = started;
    String wanted = System.getProperty("skerry.faults", "");
    List<Fault> faults =
        Catalogue.all().stream().filter(fault -> fault.name().matches(wanted + ".*")).toList();
    Map<Fault, CompletableFuture<Outcome>> outcomes = started.start(faults, FaultsTest::tell);
    return outcomes.entrySet().stream()
        .map(
            fault ->
                DynamicTest.dynamicTest(
                    fault.getKey().name(), () -> judge(fault.getKey(), fault.getValue().get())));
  }

  // How long each took, for whoever finds that all take too long.
  private static void tell(FaultRunner.Ended ended) {
    System.out.printf("%s: %s%n", ended.fault().name(), ended.outcome().detail());
  }

  private static void judge(Fault fault, Outcome outcome) {
    assumeThat(outcome.notRun()).as("this machine cannot make it").isEmpty();
    assertThat(outcome.broken()).as(fault.criterion()).isEmpty();
  }

  @AfterAll
  void end() throws IOException {
    if (runner != null) {
      runner.close();
    }
    if (lab != null) {
      lab.close();
    }
    if (folder != null) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
