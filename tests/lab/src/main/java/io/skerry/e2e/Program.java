package io.skerry.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/** One of Skerry's programs in the build tree, run with arguments as the launcher does. */
public enum Program {
  AGENT("edge-agent/agent", "io.skerry.agent.boot.Main"),
  CLI("control-plane/cli", "io.skerry.cli.Main"),
  DEMO("simulator", "io.skerry.simulator.demo.DemoMain"),
  KEYS("model-packager/pipeline", "io.skerry.packager.keys.Main"),
  PACK("model-packager/pipeline", "io.skerry.packager.Main"),
  SERVER("control-plane/server", "io.skerry.control.ServerMain");

  private static final Path HOME =
      Path.of(System.getProperty("skerry.home", "../..")).toAbsolutePath().normalize();
  private static final Duration END_WITHIN = Duration.ofMinutes(1);

  private final String module;
  private final String main;

  Program(String module, String main) {
    this.module = module;
    this.main = main;
  }

  /** What a program did. */
  public record Ended(int exitCode, String output, String errors) {
    /** What it complained about, without log lines of its parts. */
    public List<String> errorLines() {
      return errors.lines().filter(line -> !line.isBlank()).toList();
    }
  }

  /** Runs the program to its end. */
  public Ended run(String... arguments) {
    try {
      Path output = Files.createTempFile("skerry-e2e-", ".out");
      Path errors = Files.createTempFile("skerry-e2e-", ".err");
      try {
        Process process =
            new ProcessBuilder(command(arguments))
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start();
        if (!process.waitFor(END_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
          process.destroyForcibly().waitFor();
          throw new AssertionError(this + " did not end: " + Files.readString(errors));
        }
        return new Ended(process.exitValue(), Files.readString(output), Files.readString(errors));
      } finally {
        Files.deleteIfExists(output);
        Files.deleteIfExists(errors);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Starts the program; its output goes to the file. */
  public Process start(Path log, String... arguments) throws IOException {
    return new ProcessBuilder(command(arguments))
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  /**
   * Starts the program with what this module adds to it on its class path; its output goes to the
   * file.
   *
   * @param options of the JVM
   */
  public Process startWithTests(Path log, List<String> options, List<String> arguments)
      throws IOException {
    return process(command(options, ":" + testClasses(), main, arguments))
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  /**
   * Starts another main class of this module on the program's class path. Its standard input and
   * output are the caller's; its errors are added to the file.
   *
   * @param classes this module's, see {@link #testJar}
   * @param options of the JVM
   */
  public Process startAs(
      Class<?> other, Path classes, Path log, List<String> options, List<String> arguments)
      throws IOException {
    return process(command(options, ":" + classes, other.getName(), arguments))
        .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .start();
  }

  private static ProcessBuilder process(List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("ORT_DISABLE_TELEMETRY", "1");
    builder.environment().put("OPT_OUT_TRACKING", "true");
    return builder;
  }

  /** Packs this module's classes: the JVM keeps no cache of classes that lie in a folder. */
  public static Path testJar(Path jar) {
    Path classes = testClasses();
    if (!Files.isDirectory(classes)) {
      return classes;
    }
    ToolProvider tool =
        ToolProvider.findFirst("jar").orElseThrow(() -> new AssertionError("this JDK lacks jar"));
    int exitCode =
        tool.run(System.out, System.err, "cf", jar.toString(), "-C", classes.toString(), ".");
    if (exitCode != 0) {
      throw new AssertionError("jar cf " + jar + " ended with " + exitCode);
    }
    return jar;
  }

  private static Path testClasses() {
    try {
      return Path.of(Program.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private List<String> command(String... arguments) throws IOException {
    return command(List.of(), "", main, List.of(arguments));
  }

  private List<String> command(
      List<String> options, String classes, String mainClass, List<String> arguments)
      throws IOException {
    Path target = HOME.resolve(module).resolve("target");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("-Dskerry.home=" + HOME);
    command.addAll(options);
    command.add("-cp");
    command.add(
        jar(target) + ":" + Files.readString(target.resolve("classpath.txt")).strip() + classes);
    command.add(mainClass);
    command.addAll(arguments);
    return command;
  }

  private static Path jar(Path target) throws IOException {
    try (Stream<Path> files = Files.list(target)) {
      return files
          .filter(file -> file.getFileName().toString().matches("skerry-[a-z-]+-[0-9].*\\.jar"))
          .findFirst()
          .orElseThrow(() -> new AssertionError(target + " holds no jar: run ./mvnw verify"));
    }
  }
}
