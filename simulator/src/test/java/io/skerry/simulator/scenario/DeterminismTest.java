package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
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

  /**
   * Sets and maps of the JDK have another order in every process, identity hashes and codes of
   * enums as well; words, numbers and days are those of the place.
   */
  @Test
  void theSameSeedDoesTheSameInAnotherProcessInAnotherPlace() throws Exception {
    String here = new Random().run(11, 8, 3).run(0).outcome().hash();

    assertThat(elsewhere("--seed", "11", "--devices", "8", "--days", "3")).contains("hash " + here);
  }

  private static String elsewhere(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-XX:+UnlockExperimentalVMOptions",
            "-XX:hashCode=2",
            "-Duser.timezone=Asia/Kathmandu",
            "-Duser.language=tr",
            "-Duser.country=TR",
            "-cp",
            System.getProperty("java.class.path"),
            SimulateMain.class.getName()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(told).isZero();
    return told;
  }

  @Test
  void anotherSeedDoesSomethingElse() {
    Scenario random = new Random();

    assertThat(random.run(11, 4, 1).run(0).outcome().hash())
        .isNotEqualTo(random.run(12, 4, 1).run(0).outcome().hash());
  }
}
