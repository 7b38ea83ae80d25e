package io.skerry.simulator.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The command lines of Skerry's programs in the build tree. */
final class Programs {
  private final Path home;

  Programs(Path home) {
    this.home = home;
  }

  List<String> server(String... arguments) throws IOException {
    return command(
        "control-plane/server",
        "io.skerry.control.ServerMain",
        List.of("-Xmx768m", "-XX:TieredStopAtLevel=1"),
        arguments);
  }

  List<String> agent(String... arguments) throws IOException {
    return command(
        "edge-agent/agent",
        "io.skerry.agent.boot.Main",
        List.of("-XX:+UseSerialGC", "-Xmx96m", "-Xss512k"),
        arguments);
  }

  List<String> fleet(String... arguments) throws IOException {
    return command(
        "simulator",
        "io.skerry.simulator.fleet.FleetMain",
        List.of("-XX:+UseSerialGC", "-Xmx768m", "-Xss512k"),
        arguments);
  }

  private List<String> command(
      String module, String main, List<String> options, String... arguments) throws IOException {
    Path target = home.resolve(module).resolve("target");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("-Dskerry.home=" + home);
    command.addAll(options);
    command.add("-cp");
    command.add(jar(target) + ":" + Files.readString(target.resolve("classpath.txt")).strip());
    command.add(main);
    command.addAll(List.of(arguments));
    return command;
  }

  private static Path jar(Path target) throws IOException {
    try (Stream<Path> files = Files.list(target)) {
      return files
          .filter(file -> file.getFileName().toString().matches("skerry-[a-z-]+-[0-9].*\\.jar"))
          .findFirst()
          .orElseThrow(() -> new DemoException(target + ": nothing built here; run ./skerry demo"));
    }
  }
}
