package io.skerry.agent.boot;

import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.ModelBench;
import io.skerry.agent.bench.ModelInputs;
import io.skerry.agent.bench.ProcessFacts;
import io.skerry.agent.bench.SharedRegionFile;
import io.skerry.agent.bench.Timings;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ProfileOptions;
import io.skerry.artifact.DeviceTimings;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.protocol.Digest;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures models on this machine: the engine alone, and what serving adds. */
@Command(
    name = "bench",
    description = "Measures models on this machine: the engine alone, and what serving adds.",
    mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
  private static final int CALLS_MAX = 500;
  private static final int FIRST_CALLS = 20;
  private static final int WARM_CALLS_MAX = 20_000;
  private static final Duration WARM_MAX = Duration.ofSeconds(2);

  @Option(
      names = "--model",
      required = true,
      paramLabel = "FILE",
      description =
          "a model.onnx or model.tflite; may be repeated: each is measured in a process of its own")
  private List<Path> models = new ArrayList<>();

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description =
          "write the engine's timings here, for 'skerry pack --timings' and 'skerry import timings'")
  private @Nullable Path report;

  @Option(
      names = "--profile",
      paramLabel = "ID",
      description =
          "time models as a device of this hardware profile runs them (default: this machine's, with"
              + " --report)")
  private @Nullable String profile;

  @Mixin private ProfileChoice profiles = new ProfileChoice();

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "the device's name in the report (default: this host's)")
  private @Nullable String device;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "about how long to measure each model (default: ${DEFAULT-VALUE})")
  private int seconds = 20;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() throws Exception {
    if (seconds < 1 || seconds > 600) {
      throw new ParameterException(
          spec.commandLine(), "--seconds is %d, expected 1 to 600".formatted(seconds));
    }
    for (Path model : models) {
      if (!Files.isRegularFile(model)) {
        throw new CommandException(ExitCode.NOT_FOUND, "no model file at '%s'".formatted(model));
      }
    }
    // Short: a socket lies in it, and a socket's path may have 107 bytes.
    Path scratch = Files.createTempDirectory("skb");
    try {
      List<DeviceTimings> told =
          models.size() > 1 ? several(scratch) : List.of(one(models.getFirst(), scratch));
      if (report != null) {
        write(report, told);
      }
    } catch (EngineException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    } finally {
      delete(scratch);
    }
    return ExitCode.DONE;
  }

  private List<DeviceTimings> several(Path scratch) throws IOException, InterruptedException {
    List<String> options = new ArrayList<>(List.of("--seconds", Integer.toString(seconds)));
    if (profile != null) {
      options.addAll(List.of("--profile", profile));
    }
    if (device != null) {
      options.addAll(List.of("--device", device));
    }
    options.addAll(profiles.arguments());
    PrintWriter out = spec.commandLine().getOut();
    return BenchProcesses.run(program(), models, options, report != null, scratch, out);
  }

  private DeviceTimings one(Path file, Path scratch) throws Exception {
    EngineCatalog engines = EngineCatalog.discovered();
    Optional<HardwareProfile> chosen =
        report == null && profile == null
            ? Optional.empty()
            : Optional.of(chosen(engines, scratch));
    DeviceTimings.Timing timing = measure(file, engines, chosen, scratch);
    return new DeviceTimings(chosen.map(HardwareProfile::id).orElse(""), "", List.of(timing));
  }

  private DeviceTimings.Timing measure(
      Path file, EngineCatalog engines, Optional<HardwareProfile> chosen, Path scratch)
      throws Exception {
    PrintWriter out = spec.commandLine().getOut();
    LoadOptions options = LoadOptions.DEFAULTS;
    if (chosen.isPresent()) {
      options = options(file, engines, chosen.get(), scratch);
    }
    startEngine(file, engines, options);
    ProcessFacts process = ProcessFacts.own();
    boolean isSeen = process.countPeakAnew();
    long before = process.memory().resident();
    long start = System.nanoTime();
    DeviceTimings.Timing timing;
    try (LoadedModel model = engines.load(file, options)) {
      double loadMillis = (System.nanoTime() - start) / 1e6;
      if (chosen.isPresent() && !model.faults().isEmpty()) {
        throw new CommandException(
            ExitCode.FAILED,
            "%s does not run as profile '%s' says: %s"
                .formatted(file, chosen.get().id(), String.join("; ", model.faults())));
      }
      List<Tensor> zeros = ModelInputs.zeros(model.signature());
      Timings.of(FIRST_CALLS, () -> model.run(zeros));
      // Now: many more calls leave much on Java's heap, which is no part of the model.
      long grown = isSeen ? Math.max(0, process.memory().peak() - before) : 0;
      warm(model, zeros);
      Timings alone = Timings.of(CALLS_MAX, () -> model.run(zeros));
      out.printf(
          "%s on %s (%s)%s: %.1f MB file, loaded in %.1f ms, %s%n",
          file,
          model.engine(),
          String.join(", ", model.providers()),
          chosen
              .map(as -> " as %s runs it, a run p50 %.1f us".formatted(as.id(), alone.p50() / 1e3))
              .orElse(""),
          Files.size(file) / 1e6,
          loadMillis,
          isSeen
              ? "at most %.1f MB of memory".formatted(grown / 1e6)
              : "memory unknown: this system counts no peaks");
      timing =
          new DeviceTimings.Timing(
              digest(file),
              model.engine(),
              alone.p50() / 1e3,
              alone.p99() / 1e3,
              loadMillis,
              grown,
              CALLS_MAX);
    }
    // As "serve" loads it, whatever the profile.
    try (LoadedModel model = engines.load(file, LoadOptions.DEFAULTS)) {
      print(out, served(file, model, scratch));
    }
    return timing;
  }

  /** Java compiles what is called often; until then it takes longer than a small model itself. */
  private static void warm(LoadedModel model, List<Tensor> inputs) throws EngineException {
    long end = System.nanoTime() + WARM_MAX.toNanos();
    for (int call = 0; call < WARM_CALLS_MAX && System.nanoTime() < end; call++) {
      model.run(inputs);
    }
  }

  /** What an engine takes once, for whatever model, is none of a model's. */
  private static void startEngine(Path file, EngineCatalog engines, LoadOptions options) {
    for (String engine : engines.names()) {
      if (engines.fileExtension(engine).filter(file.toString()::endsWith).isPresent()) {
        // A fault shows with the model itself.
        Optional<String> unused =
            Detected.trial(engines, engine, options, loaded -> Optional.empty());
      }
    }
  }

  private static LoadOptions options(
      Path file, EngineCatalog engines, HardwareProfile chosen, Path scratch) {
    Engine engine =
        chosen.engines().stream()
            .filter(
                one ->
                    engines
                        .fileExtension(one.text())
                        .filter(String.valueOf(file.getFileName())::endsWith)
                        .isPresent())
            .findFirst()
            .orElseThrow(
                () ->
                    new CommandException(
                        ExitCode.FAILED,
                        "no engine of profile '%s' runs '%s'".formatted(chosen.id(), file)));
    return ProfileOptions.of(
        chosen,
        engine,
        Runtime.getRuntime().availableProcessors(),
        Optional.of(scratch.resolve("compiled")));
  }

  private ModelBench served(Path file, LoadedModel model, Path scratch) throws Exception {
    String name = String.valueOf(file.getFileName());
    String ending = name.substring(name.lastIndexOf('.'));
    Path folder = Files.createTempDirectory(scratch, "m");
    Path version = Files.createDirectories(folder.resolve("models/bench/1"));
    Files.createSymbolicLink(version.resolve("model" + ending), file.toAbsolutePath());
    try (AgentProcess agent =
        AgentProcess.start(
                program(),
                folder.resolve("models"),
                folder,
                List.of("--shared-memory", SharedRegionFile.PREFIX, "--diagnostics", "none"),
                Map.of())
            .awaitServing()) {
      return ModelBench.measure(agent, model, "bench", seconds * 1_000L);
    }
  }

  private static void print(PrintWriter out, ModelBench bench) {
    int cores = Runtime.getRuntime().availableProcessors();
    double added = bench.inline().p50() - bench.empty().p50() - bench.raw().p50();
    out.printf("  raw run            %s%n", bench.raw());
    out.printf("  empty call         %s%n", bench.empty());
    out.printf("  served, inline     %s: %.1f us more than both%n", bench.inline(), added / 1e3);
    out.printf(
        "  served, shared     %s: %.2f of inline%n",
        bench.shared(), bench.shared().p50() / bench.inline().p50());
    out.printf(
        "  16 at a time       %.0f a second, %.0f %% of what transport and engine allow%n",
        bench.servedPerSecond(), 100 * bench.servedPerSecond() / bench.possiblePerSecond(cores));
    out.printf(
        "  agent's memory     %.1f MB, %.1f MB of it anonymous%n",
        bench.memory().resident() / 1e6, bench.memory().anonymous() / 1e6);
  }

  private void write(Path file, List<DeviceTimings> told) throws IOException {
    String name = device == null ? InetAddress.getLocalHost().getHostName() : device;
    List<DeviceTimings.Timing> timings =
        told.stream().flatMap(one -> one.timings().stream()).toList();
    Files.write(file, new DeviceTimings(told.getFirst().profile(), name, timings).json());
    spec.commandLine().getOut().printf("wrote %s%n", file);
  }

  /** Another machine's times would decide what devices of the profile get. */
  private HardwareProfile chosen(EngineCatalog engines, Path scratch) {
    Detected detected = profiles.detected(engines, Optional.of(scratch.resolve("compiled")));
    return profile == null
        ? profiles
            .catalog()
            .bestMatch(detected.facts())
            .orElseThrow(
                () ->
                    new CommandException(
                        ExitCode.NOT_FOUND,
                        "no hardware profile is satisfied by this machine: a report has no meaning"))
        : profiles.named(profile, detected);
  }

  /** The program that runs this command. */
  private static List<String> program() {
    String launcher = System.getenv("SKERRY_LAUNCHER");
    if (launcher != null) {
      return List.of(launcher);
    }
    List<String> line = new ArrayList<>();
    line.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
    line.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    return line;
  }

  private static Digest digest(Path file) throws IOException {
    MessageDigest sha256 = Digest.newMessageDigest();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha256)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return Digest.of(sha256);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
