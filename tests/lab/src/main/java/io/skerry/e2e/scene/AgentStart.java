package io.skerry.e2e.scene;

import io.skerry.e2e.Program;
import io.skerry.e2e.device.FaultyAgentMain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How the agents' processes of a lab start: as {@code ./skerry agent} starts one, and, after a
 * rehearsal, from an AOT cache, as the shipped image does. Thread-safe.
 */
final class AgentStart {
  // The code is compiled once and cheaply: hardly a process lives for a minute.
  private static final List<String> OPTIONS =
      List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx96m", "-Xss512k");

  private final Path classes;
  private final Path cache;
  private volatile List<String> cacheOptions = List.of();
  private volatile List<String> moreOptions = List.of();

  private AgentStart(Path classes, Path cache) {
    this.classes = classes;
    this.cache = cache;
  }

  /** Of a lab in a folder. */
  static AgentStart in(Path folder) {
    return new AgentStart(
        Program.testJar(folder.resolve("device.jar")), folder.resolve("device.aot"));
  }

  /** Agents have all engines from now on. */
  void withAllEngines() {
    moreOptions = List.of("-D" + FaultyAgentMain.ALL_ENGINES + "=true");
  }

  /**
   * Starts a process.
   *
   * @param webProxy port of what its HTTPS leads through
   */
  Process process(Path log, int webProxy, List<String> arguments) throws IOException {
    List<String> options = new ArrayList<>(OPTIONS);
    options.addAll(cacheOptions);
    options.addAll(moreOptions);
    options.add("-Dhttps.proxyHost=127.0.0.1");
    options.add("-Dhttps.proxyPort=" + webProxy);
    options.add("-Dhttp.nonProxyHosts=");
    return Program.AGENT.startAs(FaultyAgentMain.class, classes, log, options, arguments);
  }

  /** Lets one agent carry an order out and end; the JVM writes the cache at its end. */
  void rehearse(Lab lab) throws Exception {
    cacheOptions = List.of("-XX:AOTCacheOutput=" + cache);
    try (Scene scene = Scene.open(lab, "rehearsal")) {
      if (!scene.agent().stop() || !Files.exists(cache)) {
        throw new AssertionError("no AOT cache of an agent was made: " + scene.agent().lastLog());
      }
    }
    cacheOptions = List.of("-XX:AOTCache=" + cache);
  }
}
