package io.skerry.simulator.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the disk in memory promises of a power cut, the real one asks of the system: told by the
 * system's own calls, for a disk that forced nothing would pass every test but that of the cut.
 */
class LocalDiskForcesTest {
  private static final Pattern OPENED =
      Pattern.compile("openat\\(AT_FDCWD, \"([^\"]*)\".*= (\\d+)$");
  private static final Pattern FORCED = Pattern.compile("f(?:data)?sync\\((\\d+)\\) += 0$");
  private static final Pattern MOVED = Pattern.compile("rename[a-z0-9]*\\(.*= 0$");
  private static final Pattern CLOSED = Pattern.compile("close\\((\\d+)\\)");

  @TempDir private Path folder;

  /** What is traced. */
  static final class Writer {
    private Writer() {}

    public static void main(String... arguments) throws IOException {
      Path file = Path.of(arguments[0]);
      DurableFile.write(Disk.local(), file, "hello".getBytes(StandardCharsets.UTF_8));
    }
  }

  @Test
  void forcesContentBeforeItsNameAndItsNameAtTheEnd() throws Exception {
    assumeTrue(isThere("strace"), "strace is not installed: what the disk asks cannot be seen");
    Path file = folder.resolve("state");
    Path calls = folder.resolve("calls");

    Process traced =
        new ProcessBuilder(
                "strace",
                "-f",
                "-qq",
                "-e",
                "trace=openat,close,fsync,fdatasync,rename,renameat,renameat2",
                "-o",
                calls.toString(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Writer.class.getName(),
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("said").toFile())
            .start();
    boolean ended = traced.waitFor(2, TimeUnit.MINUTES);
    traced.destroyForcibly();

    assertEquals(0, ended ? traced.exitValue() : -1, Files.readString(folder.resolve("said")));
    assertEquals(
        List.of("force state.part", "move", "force " + folder.getFileName()), asked(calls));
  }

  // Of what lies in the test's folder, and of that itself.
  private List<String> asked(Path calls) throws IOException {
    List<String> asked = new ArrayList<>();
    Map<String, String> open = new HashMap<>();
    for (String line : Files.readAllLines(calls)) {
      Matcher opened = OPENED.matcher(line);
      Matcher forced = FORCED.matcher(line);
      Matcher closed = CLOSED.matcher(line);
      if (opened.find() && opened.group(1).startsWith(folder.toString())) {
        open.put(opened.group(2), String.valueOf(Path.of(opened.group(1)).getFileName()));
      } else if (forced.find() && open.containsKey(forced.group(1))) {
        asked.add("force " + open.get(forced.group(1)));
      } else if (MOVED.matcher(line).find()) {
        asked.add("move");
      } else if (closed.find()) {
        open.remove(closed.group(1));
      }
    }
    return asked;
  }

  private static boolean isThere(String program) {
    return Path.of("/usr/bin", program).toFile().canExecute();
  }
}
