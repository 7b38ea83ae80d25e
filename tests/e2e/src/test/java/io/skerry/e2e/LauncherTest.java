package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What {@code ./skerry} hands to which program, seen by a JDK that only tells what it was given.
 */
class LauncherTest {
  private static final Path HOME = Path.of("../..").toAbsolutePath().normalize();

  @TempDir private Path home;

  @BeforeEach
  void build() throws IOException {
    copy("skerry");
    copy(".mvn/find-jdk");
    write("pom.xml", "");
    for (String sources :
        List.of("proto", "hardware-profiles", "telemetry", "edge-agent", "tests")) {
      Files.createDirectories(home.resolve(sources));
    }
    for (String module :
        List.of(
            "simulator",
            "control-plane/server",
            "control-plane/cli",
            "edge-agent/agent",
            "model-packager/pipeline",
            "tests/bench")) {
      write(module + "/target/classpath.txt", "libraries");
      write(module + "/target/skerry-x-SNAPSHOT.jar", "");
    }
    write("target/built", "");
    write("target/built-bench", "");
    write("jdk/release", "JAVA_VERSION=\"25\"\n");
    script("jdk/bin/javac", "");
    script("jdk/bin/java", "printf '%s\\n' \"$@\"");
  }

  @ParameterizedTest
  @CsvSource({
    "demo, io.skerry.simulator.demo.DemoMain",
    "server, io.skerry.control.ServerMain",
    "agent, io.skerry.agent.boot.Main",
    "pack, io.skerry.packager.Main",
    "bench, io.skerry.bench.BenchMain",
  })
  void givesAProgramOnlyWhatComesAfterItsName(String name, String main) throws Exception {
    assertThat(run(name, "--option", "a value")).endsWith(main, "--option", "a value");
  }

  @Test
  void givesEveryOtherCommandToTheClient() throws Exception {
    assertThat(run("get", "devices")).endsWith("io.skerry.cli.Main", "get", "devices");
  }

  private List<String> run(String... arguments) throws IOException, InterruptedException {
    Path said = home.resolve("said");
    ProcessBuilder builder =
        new ProcessBuilder(
                Stream.concat(Stream.of(home.resolve("skerry").toString()), Stream.of(arguments))
                    .toList())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile());
    builder.environment().putAll(Map.of("JAVA_HOME", home.resolve("jdk").toString()));
    int code = builder.start().waitFor();

    assertThat(said).content(StandardCharsets.UTF_8).isNotEmpty();
    assertThat(code).as(Files.readString(said)).isZero();
    return Files.readAllLines(said);
  }

  private void copy(String name) throws IOException {
    Path copy = home.resolve(name);
    Files.createDirectories(copy.getParent());
    Files.copy(HOME.resolve(name), copy);
  }

  private void script(String name, String text) throws IOException {
    write(name, "#!/bin/sh\n" + text + "\n");
    assertThat(home.resolve(name).toFile().setExecutable(true)).isTrue();
  }

  private void write(String name, String text) throws IOException {
    Path file = home.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
