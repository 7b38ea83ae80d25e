package io.skerry.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProcessorsTest {
  @Test
  void takesTheFirstThatAreAllowed() {
    List<Integer> allowed = Processors.allowed("Name:\tjava\nCpus_allowed_list:\t1,3-5,8\n");
    Processors two = Processors.of(2, 5, allowed, Optional.of(Path.of("/usr/bin/taskset")));

    assertThat(allowed).containsExactly(1, 3, 4, 5, 8);
    assertThat(two.bound(List.of("java", "-Xmx1g", "Main")))
        .containsExactly(
            "/usr/bin/taskset",
            "-c",
            "1,3",
            "java",
            "-XX:ActiveProcessorCount=2",
            "-Xmx1g",
            "Main");
    assertThat(two.told()).isEqualTo("on 2 of 5 processors");
  }

  @Test
  void saysWhereNothingBindsThemAndWhereThereAreFewer() {
    Processors two = Processors.of(2, 1, List.of(0), Optional.empty());

    assertThat(two.bound(List.of("java", "Main")))
        .containsExactly("java", "-XX:ActiveProcessorCount=1", "Main");
    assertThat(two.told()).contains("on 1 of 1 processors", "no taskset");
  }

  @Test
  void bindsJavaAndWhatItStarts() throws Exception {
    Processors one = Processors.first(1);
    assumeThat(one.taskset()).as("no taskset on this machine").isPresent();
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classes = System.getProperty("java.class.path");
    ProcessBuilder counting =
        new ProcessBuilder(one.bound(List.of(java, "-cp", classes, Counting.class.getName())))
            .redirectErrorStream(true);
    // Java says that it reads the one, and nproc believes the other.
    counting.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "OMP_NUM_THREADS"));
    Process process = counting.start();

    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said.lines()).containsExactly("1", "1");
  }

  /** Says of how many processors it knows, and then of how many a process that it starts does. */
  static final class Counting {
    private Counting() {}

    public static void main(String[] arguments) throws Exception {
      System.out.println(Runtime.getRuntime().availableProcessors());
      new ProcessBuilder("nproc").inheritIO().start().waitFor();
    }
  }
}
