package io.skerry.bench.agent;

import io.skerry.agent.bench.AgentProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The agent as it is shipped, with its own runtime and launch flags.
 *
 * @param folder the unpacked image
 * @param scratch for sockets, models and logs
 */
record Image(Path folder, Path scratch) {
  /** Finds the image that the build made for this machine. */
  static Image find(Path scratch) throws IOException {
    String home = System.getProperty("skerry.home", ".");
    String arch = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "x86-64";
    Path target = Path.of(home, "edge-agent", "agent", "target");
    try (Stream<Path> files = Files.list(target)) {
      Path found =
          files
              .filter(
                  file -> file.getFileName().toString().matches("skerry-agent-.*-linux-" + arch))
              .filter(Files::isDirectory)
              .max(Path::compareTo)
              .orElseThrow(
                  () ->
                      new IOException(
                          "no agent image in '%s': './mvnw -pl edge-agent/agent -am -Pdist package' makes it"
                              .formatted(target)));
      return new Image(found, scratch);
    }
  }

  /** The packed image. */
  Path archive() {
    return folder.resolveSibling(folder.getFileName() + ".tar.gz");
  }

  AgentProcess start(Path models, String... options) throws IOException {
    return start(Map.of(), models, options);
  }

  AgentProcess start(Map<String, String> environment, Path models, String... options)
      throws IOException {
    return AgentProcess.start(
        List.of(folder.resolve("bin/skerry-agent").toString()),
        models,
        Files.createTempDirectory(scratch, "a"),
        List.of(options),
        environment);
  }
}
