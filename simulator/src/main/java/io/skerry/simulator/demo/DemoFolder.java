package io.skerry.simulator.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** Everything that a demo writes: a fresh folder that goes when the demo goes. */
final class DemoFolder implements AutoCloseable {
  private final Path root;
  private boolean logsKept;

  private DemoFolder(Path root) {
    this.root = root;
  }

  static DemoFolder create() throws IOException {
    DemoFolder folder = new DemoFolder(Files.createTempDirectory("skerry-demo-"));
    Files.createDirectory(folder.logs());
    return folder;
  }

  Path controlPlane() {
    return root.resolve("control-plane");
  }

  Path agent() {
    return root.resolve("agent");
  }

  Path agentSocket() {
    return root.resolve("agent.sock");
  }

  Path fleet() {
    return root.resolve("fleet");
  }

  /** A file of the demo's own. */
  Path file(String name) {
    return root.resolve(name);
  }

  Path logs() {
    return root.resolve("logs");
  }

  Path log(String program) {
    return logs().resolve(program + ".log");
  }

  /** Leaves the logs behind, for whoever wants to know what went wrong. */
  Path keepLogs() {
    logsKept = true;
    return logs();
  }

  @Override
  public void close() {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        if (!logsKept || !(file.equals(root) || file.startsWith(logs()))) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException | UncheckedIOException e) {
      System.err.println("skerry demo: could not remove " + root + ": " + e.getMessage());
    }
  }
}
