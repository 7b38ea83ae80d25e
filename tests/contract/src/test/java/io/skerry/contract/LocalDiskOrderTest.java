package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.skerry.agent.disk.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/**
 * The machine's own file system, told by the system's calls: a disk that forced nothing would pass
 * every test but that of a real power cut.
 */
@Tag("slow")
class LocalDiskOrderTest implements DiskOrderContract {
  private static final String TRACED =
      "openat,close,write,pwrite64,ftruncate,fsync,fdatasync,mkdir,mkdirat,unlink,unlinkat,rmdir,"
          + "rename,renameat,renameat2";
  // Of calls that succeeded: the name, what is between the brackets, and the result.
  private static final Pattern CALL = Pattern.compile("(\\w+)\\((.*)\\) += (\\d+)$");
  private static final Pattern NAME = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");

  @TempDir private static Path folder;
  private static final Map<DiskAct, List<String>> ASKED = new HashMap<>();

  /** What is traced. */
  static final class Device {
    private Device() {}

    public static void main(String... arguments) throws IOException {
      for (DiskAct act : DiskAct.values()) {
        act.in(Path.of(arguments[0], act.name()), Disk.local());
      }
    }
  }

  @BeforeAll
  static void trace() throws Exception {
    Path strace = Path.of("/usr/bin/strace");
    assumeTrue(
        Files.isExecutable(strace), "strace is not installed: what the disk asks cannot be seen");
    Path calls = Files.createDirectory(folder.resolve("calls"));
    Path said = folder.resolve("said");
    for (DiskAct act : DiskAct.values()) {
      Files.createDirectory(folder.resolve(act.name()));
    }

    // A file for each thread, so that no call of one cuts another's in two.
    Process traced =
        new ProcessBuilder(
                strace.toString(),
                "-ff",
                "-qq",
                "-s",
                "0",
                "-e",
                "trace=" + TRACED,
                "-o",
                calls.resolve("of").toString(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Device.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    boolean ended = traced.waitFor(3, TimeUnit.MINUTES);
    traced.destroyForcibly();

    assertThat(ended ? traced.exitValue() : -1).as(Files.readString(said)).isZero();
    List<Path> threads;
    try (Stream<Path> files = Files.list(calls)) {
      threads = files.sorted().toList();
    }
    for (Path thread : threads) {
      List<String> lines = Files.readAllLines(thread);
      for (DiskAct act : DiskAct.values()) {
        List<String> asked = asked(lines, folder.resolve(act.name()));
        assertThat(asked.isEmpty() || ASKED.put(act, asked) == null).as("one thread asks").isTrue();
      }
    }
  }

  // Of what lies in a folder, and of that itself.
  private static List<String> asked(List<String> lines, Path root) {
    List<String> asked = new ArrayList<>();
    Map<String, Path> open = new HashMap<>();
    for (String line : lines) {
      Matcher call = CALL.matcher(line);
      if (!call.find()) {
        continue;
      }
      List<Path> paths =
          NAME.matcher(call.group(2)).results().map(found -> Path.of(found.group(1))).toList();
      String descriptor = call.group(2).split(",", 2)[0];
      switch (call.group(1)) {
        case "openat" -> open.put(call.group(3), paths.getFirst());
        case "close" -> open.remove(descriptor);
        case "write", "pwrite64" -> note(asked, "write", root, open.get(descriptor));
        case "ftruncate" -> note(asked, "cut", root, open.get(descriptor));
        case "fsync", "fdatasync" -> note(asked, "force", root, open.get(descriptor));
        case "mkdir", "mkdirat" -> note(asked, "folder", root, paths.getFirst());
        case "unlink", "unlinkat", "rmdir" -> note(asked, "delete", root, paths.getFirst());
        default -> {
          if (paths.getFirst().startsWith(root)) {
            RecordingDisk.note(
                asked,
                "move %s %s"
                    .formatted(
                        RecordingDisk.below(root, paths.getFirst()),
                        RecordingDisk.below(root, paths.getLast())));
          }
        }
      }
    }
    return asked;
  }

  private static void note(List<String> asked, String call, Path root, @Nullable Path path) {
    if (path != null && path.startsWith(root)) {
      RecordingDisk.note(asked, call + " " + RecordingDisk.below(root, path));
    }
  }

  @Override
  public List<String> asked(DiskAct act) {
    return ASKED.getOrDefault(act, List.of());
  }
}
