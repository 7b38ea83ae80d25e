package io.skerry.packager.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavaProcessTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  @TempDir private Path folder;

  /** Leaves what it unpacked, as what native code ends does. */
  static final class Leaving {
    private Leaving() {}

    public static void main(String[] arguments) throws IOException {
      System.out.println(Files.createTempFile("unpacked", ".so") + arguments[0]);
      Runtime.getRuntime().halt(7);
    }
  }

  /** Never ends. */
  static final class Hanging {
    private Hanging() {}

    public static void main(String[] arguments) throws Exception {
      Files.createTempFile("unpacked", ".so");
      new CountDownLatch(1).await();
    }
  }

  @Test
  void tellsTheExitCodeAndLeavesNothingBehind() throws Exception {
    Path spaced = Files.createDirectories(folder.resolve("with a space"));
    Path said = folder.resolve("said");

    assertThat(
            JavaProcess.here(Leaving.class, spaced)
                .run(LONG, ProcessBuilder.Redirect.to(said.toFile()), " and told"))
        .hasValue(7);

    assertThat(said).content().startsWith(spaced.toString()).contains(".so and told");
    assertThat(spaced).isEmptyDirectory();
  }

  @Test
  void endsWhatTakesTooLong() throws Exception {
    assertThat(
            JavaProcess.here(Hanging.class, folder)
                .run(Duration.ofMillis(700), ProcessBuilder.Redirect.DISCARD))
        .isEmpty();

    assertThat(folder).isEmptyDirectory();
  }
}
