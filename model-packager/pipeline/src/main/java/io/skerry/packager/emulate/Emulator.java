package io.skerry.packager.emulate;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.process.JavaProcess;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Another kind of processor, emulated by Debian's {@code qemu-user-static}.
 *
 * <p>An x86-64 without VNNI runs this machine's Java; an arm64 runs the one of a root folder that
 * {@code model-packager/arm64-root} makes. Java interprets there: its compilers under emulation
 * cost more than they gain.
 */
public final class Emulator {
  /** Where the arm64 root is, unless an option says otherwise. */
  public static final String ARM64_ROOT_VARIABLE = "SKERRY_ARM64_ROOT";

  private static final Duration TIME_MAX = Duration.ofMinutes(15);
  private static final int LOG_CHARS_MAX = 500;

  private final String name;
  private final Path qemu;
  private final List<String> options;
  private final Path java;
  private final Optional<Arm64Root> arm64;

  private Emulator(
      String name, Path qemu, List<String> options, Path java, Optional<Arm64Root> arm64) {
    this.name = name;
    this.qemu = qemu;
    this.options = List.copyOf(options);
    this.java = java;
    this.arm64 = arm64;
  }

  /** An emulator, or why there is none. */
  public sealed interface Search {
    /** There is one. */
    record Found(Emulator emulator) implements Search {}

    /** There is none; the reason says what is missing. */
    record Missing(String reason) implements Search {}
  }

  /**
   * One model that is wanted to run.
   *
   * @param sizes how many of an item's numbers each of the outputs has
   */
  public record Model(Engine engine, Path file, List<String> outputs, List<Integer> sizes) {
    public Model {
      outputs = List.copyOf(outputs);
      sizes = List.copyOf(sizes);
    }
  }

  /**
   * The emulator for a profile's kind of processor.
   *
   * @param arm64Root overrides the environment's
   */
  public static Search find(HardwareProfile profile, Optional<Path> arm64Root) {
    if (!profile.executionProviders().equals(List.of("cpu"))) {
      return new Search.Missing("an accelerator cannot be emulated");
    }
    boolean amd64 = System.getProperty("os.arch", "").equals("amd64");
    return switch (profile.recognition().arch()) {
      case "x86-64" ->
          profile.recognition().cpuAny().stream().anyMatch(feature -> feature.contains("vnni"))
              ? new Search.Missing("QEMU does not emulate VNNI")
              : amd64 ? x86() : new Search.Missing("x86-64 is emulated on x86-64 machines only");
      case "arm64" -> arm64(profile, arm64Root.or(Emulator::arm64RootOfEnvironment));
      default -> new Search.Missing("its architecture is not emulated");
    };
  }

  private static Search x86() {
    return program("qemu-x86_64-static", "qemu-x86_64")
        .<Search>map(
            qemu ->
                new Search.Found(
                    new Emulator(
                        "qemu-x86_64 -cpu Haswell",
                        qemu,
                        List.of("-cpu", "Haswell"),
                        Path.of(System.getProperty("java.home"), "bin", "java"),
                        Optional.empty())))
        .orElseGet(() -> new Search.Missing("there is no qemu-x86_64: install qemu-user-static"));
  }

  private static Search arm64(HardwareProfile profile, Optional<Path> root) {
    Optional<Path> qemu = program("qemu-aarch64-static", "qemu-aarch64");
    if (qemu.isEmpty()) {
      return new Search.Missing("there is no qemu-aarch64: install qemu-user-static");
    }
    Optional<Path> java = root.flatMap(Emulator::java);
    if (java.isEmpty()) {
      return new Search.Missing(
          "there is no arm64 Java: run model-packager/arm64-root DIR and set %s=DIR"
              .formatted(ARM64_ROOT_VARIABLE));
    }
    boolean dotProducts = profile.recognition().cpuAll().contains("asimddp");
    String cpu = dotProducts ? Arm64Root.WITH_DOT_PRODUCTS : Arm64Root.WITHOUT_DOT_PRODUCTS;
    return new Search.Found(
        new Emulator(
            "qemu-aarch64 -cpu " + cpu,
            qemu.get(),
            List.of(),
            java.get(),
            Optional.of(new Arm64Root(root.orElseThrow(), cpu))));
  }

  private static Optional<Path> arm64RootOfEnvironment() {
    return Optional.ofNullable(System.getenv(ARM64_ROOT_VARIABLE))
        .filter(text -> !text.isBlank())
        .map(text -> Path.of(text).toAbsolutePath());
  }

  private static Optional<Path> java(Path root) {
    Path machines = root.resolve("usr/lib/jvm");
    if (!Files.isDirectory(machines)) {
      return Optional.empty();
    }
    try (Stream<Path> folders = Files.list(machines)) {
      return folders
          .sorted()
          .map(folder -> folder.resolve("bin/java"))
          .filter(Files::isRegularFile)
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<Path> program(String... names) {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    for (String name : names) {
      for (String folder : path.split(File.pathSeparator)) {
        Path file = Path.of(folder, name);
        if (!folder.isEmpty() && Files.isExecutable(file)) {
          return Optional.of(file);
        }
      }
    }
    return Optional.empty();
  }

  /** What is emulated, for reports. */
  public String name() {
    return name;
  }

  /**
   * What models say about items there.
   *
   * @param folder for files in between
   * @return one per model, in the same order
   * @throws EmulationException if the emulated program fails, takes too long, or says other numbers
   *     than the sizes tell
   */
  public List<Outputs> outputs(List<Model> models, Samples items, Path folder) throws IOException {
    Path input = folder.resolve("emulated-items.npy");
    items.write(input);
    List<EmulatedTask> tasks = new ArrayList<>();
    for (int i = 0; i < models.size(); i++) {
      Model model = models.get(i);
      Path result = folder.resolve("emulated-%d.npy".formatted(i));
      tasks.add(new EmulatedTask(model.engine(), model.file(), input, result, model.outputs()));
    }
    Path list = folder.resolve("emulated-tasks");
    Files.write(list, tasks.stream().map(EmulatedTask::line).toList());
    run(list, folder);
    List<Outputs> outputs = new ArrayList<>();
    for (int i = 0; i < models.size(); i++) {
      Path result = tasks.get(i).result();
      outputs.add(divided(NpyArray.read(result), models.get(i).sizes()));
      Files.delete(result);
    }
    Files.delete(list);
    Files.delete(input);
    return outputs;
  }

  /** A file has the numbers of all outputs in one row; a judge looks at each output by itself. */
  private Outputs divided(NpyArray array, List<Integer> sizes) throws EmulationException {
    int numbers = sizes.stream().reduce(0, Math::addExact);
    if (array.shape()[1] != numbers) {
      throw new EmulationException(
          "%s said %d numbers of an item where the given model says %d, %s by output"
              .formatted(name, array.shape()[1], numbers, sizes));
    }
    return Outputs.of(sizes, array.floats());
  }

  private void run(Path tasks, Path folder) throws IOException {
    List<String> command = new ArrayList<>(List.of(qemu.toString()));
    command.addAll(options);
    if (arm64.isPresent()) {
      arm64.get().make(folder);
      command.addAll(arm64.get().options(folder));
    }
    command.add(java.toString());
    try {
      run(command, tasks, folder);
    } finally {
      Arm64Root.remove(folder);
    }
  }

  private void run(List<String> command, Path tasks, Path folder) throws IOException {
    Path log = folder.resolve("emulated.log");
    int code =
        new JavaProcess(command, List.of("-Xint", "-Xmx1g"), EmulatedRun.class, folder)
            .run(TIME_MAX, ProcessBuilder.Redirect.to(log.toFile()), tasks.toString())
            .orElseThrow(
                () ->
                    new EmulationException(
                        "%s took longer than %d minutes".formatted(name, TIME_MAX.toMinutes())));
    if (code != 0) {
      String text =
          Files.readString(log)
              .lines()
              .filter(said -> !said.startsWith("qemu-") && !said.startsWith("WARNING:"))
              .collect(Collectors.joining(" "));
      throw new EmulationException(
          "%s ended with %d: %s"
              .formatted(
                  name,
                  code,
                  text.substring(Math.max(0, text.length() - LOG_CHARS_MAX))
                      .replaceAll("\\s+", " ")));
    }
    Files.delete(log);
  }
}
