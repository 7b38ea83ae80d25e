package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.process.JavaProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a process takes that calibrates a graph of wide tensors. */
class CalibratorMemoryTest {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final int ITEMS = 64;

  /** 32 items of this graph take 780 MB, for each of two workers. */
  private static final int KIBIBYTES_MAX = 500 << 10;

  /** Two workers' counts as longs took 750 MB. */
  private static final int TENSORS = 6_000;

  @TempDir private Path folder;

  /** Calibrates a graph of many small tensors. */
  static final class Counting {
    private Counting() {}

    public static void main(String[] arguments) {
      Nets net = new Nets(1, "x", Shape.BATCH, 4);
      for (int layer = 0; layer < TENSORS; layer++) {
        net.add(new Op.Activate(Activation.RELU));
      }
      Graph graph = net.graph("y");
      Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, ITEMS));
      System.exit(seen.histogram("y").total() == ITEMS * 4L ? 0 : 1);
    }
  }

  /** Calibrates, and says the most memory that it took. */
  static final class Calibrating {
    private Calibrating() {}

    public static void main(String[] arguments) throws IOException {
      Nets net = new Nets(1, "x", Shape.BATCH, 1, 192, 192);
      for (int layer = 0; layer < 10; layer++) {
        net.conv(16, Activation.NONE, 1, 1);
      }
      Graph graph = net.graph("y");
      Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, ITEMS));
      if (seen.histogram("y").total() != ITEMS * 16L * 192 * 192) {
        throw new IllegalStateException("not all was seen");
      }
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith("VmHWM:")) {
          System.out.print(line.replaceAll("\\D", ""));
        }
      }
      // Native threads of the engine may outlast main.
      System.exit(0);
    }
  }

  @Test
  void doesNotGrowWithTheTensorsOfManyItems() throws Exception {
    assumeThat(STATUS).as("Linux tells memory").isReadable();
    Path said = folder.resolve("said");

    assertThat(
            JavaProcess.here(Calibrating.class, folder, "-Xmx96m")
                .run(Duration.ofMinutes(2), ProcessBuilder.Redirect.to(said.toFile())))
        .as(() -> "calibrating")
        .hasValue(0);

    assertThat(Integer.parseInt(Files.readString(said))).isLessThan(KIBIBYTES_MAX);
  }

  @Test
  void keepsCountsOfThousandsOfTensors() throws Exception {
    Path said = folder.resolve("said");

    assertThat(
            JavaProcess.here(Counting.class, folder, "-Xmx320m")
                .run(Duration.ofMinutes(2), ProcessBuilder.Redirect.to(said.toFile())))
        .as(() -> "counting")
        .hasValue(0);
  }
}
