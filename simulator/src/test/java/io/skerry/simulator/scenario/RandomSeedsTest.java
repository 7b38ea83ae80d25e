package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Fault;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Other seeds with every commit would tell nobody which commit broke them: these stay. */
@Execution(ExecutionMode.CONCURRENT)
class RandomSeedsTest {
  private static final int WIDE_SEEDS = 20;
  private static final int SEEDS_OF_A_PART = 20;
  private static final int STEADY_SEEDS = 8;
  private static final int SHRINKING_RUNS_MAX = 100;

  /** The size of a fleet, and for how long everything goes wrong in it. */
  private record Size(int devices, int days) {
    static final Size WIDE = new Size(12, 3);
    static final Size SMALL = new Size(9, 1);

    static Size of(long seed) {
      return seed <= WIDE_SEEDS ? WIDE : SMALL;
    }
  }

  @BeforeAll
  static void quiet() {
    Quiet.please();
  }

  /** 200 seeds, in parts that run beside each other; the first ones in larger fleets. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void nothingBreaksWhateverGoesWrong(int part) {
    Scenario random = new Random();
    List<String> broken = new ArrayList<>();

    for (int i = 1; i <= SEEDS_OF_A_PART; i++) {
      long seed = (long) part * SEEDS_OF_A_PART + i;
      told(random, seed, Size.of(seed)).ifPresent(broken::add);
    }

    assertThat(broken).isEmpty();
  }

  /** Of units, of trials and of samples fewer, as each takes its time. */
  @ParameterizedTest
  @ValueSource(strings = {"random-unit", "random-trial", "random-busy"})
  void nothingBreaksInUnitsAndTrials(String name) {
    Scenario scenario = Library.find(name).orElseThrow();
    List<String> broken = new ArrayList<>();

    for (long seed = 1; seed <= SEEDS_OF_A_PART; seed++) {
      told(scenario, seed, Size.SMALL).ifPresent(broken::add);
    }

    assertThat(broken).isEmpty();
  }

  /**
   * No seed is long enough to tell whether the promise about false incidents is kept, and the ones
   * above have fewer devices than drift is judged of.
   */
  @Test
  void noMoreIncidentsThanPromised() {
    FalseFindings findings = new FalseFindings();
    Scenario steady = Library.find("steady").orElseThrow();

    for (long seed = 1; seed <= STEADY_SEEDS; seed++) {
      findings.add(steady.run(seed, steady.devices(), steady.days()).run(0).outcome());
    }

    assertThat(findings.isAny()).isTrue();
    assertThat(findings.claim()).matches(Claim::held);
  }

  // What to run to see it again, and the shortest trace of it beside the build.
  private static Optional<String> told(Scenario scenario, long seed, Size size) {
    Run.Result result = scenario.run(seed, size.devices(), size.days()).run(0);
    if (result.held()) {
      return Optional.empty();
    }
    String symptom = result.symptoms().getFirst();
    Shrinker.Size few =
        new Shrinker(
                run ->
                    scenario
                        .run(seed, run.devices(), run.days(), run.faults())
                        .run(0)
                        .fails(symptom),
                SHRINKING_RUNS_MAX)
            .shrink(
                new Shrinker.Size(
                    size.devices(),
                    size.days(),
                    Fault.draw(seed, size.devices(), size.days(), scenario.faults())),
                scenario.devicesMin(),
                scenario.daysMin());
    String hash =
        scenario.run(seed, few.devices(), few.days(), few.faults()).run(0).outcome().hash();
    TraceFile trace =
        new TraceFile(scenario.name(), seed, few.devices(), few.days(), hash, few.faults());
    return Optional.of(
        "./skerry simulate --scenario %s --seed %d --devices %d --days %d: %s, kept as %s%n%s"
            .formatted(
                scenario.name(),
                seed,
                size.devices(),
                size.days(),
                SimulateMain.firstBreak(result).orElseThrow(),
                written(trace),
                trace.text()));
  }

  private static Path written(TraceFile trace) {
    try {
      Path folder = Files.createDirectories(Path.of("target", "traces"));
      return Files.writeString(
          folder.resolve("%s-%d.trace".formatted(trace.scenario(), trace.seed())), trace.text());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
