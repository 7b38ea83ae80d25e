package io.skerry.agent.boot;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.serve.AgentServer;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.ListenException;
import io.skerry.agent.serve.Listener;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.MemoryGroup;
import io.skerry.profile.ProfileCatalog;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.LoadOptions;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Says what this machine offers, what the agent will use of it, and why. */
@Command(
    name = "doctor",
    description = "Prints what the agent finds on this machine, what it will use, and why.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  private static final Path SHARED = Path.of("/dev/shm");

  @Option(
      names = "--listen",
      paramLabel = "ADDRESS",
      description = "where the agent is to listen, as 'serve' and 'run' take it; may be repeated")
  private List<String> listen = new ArrayList<>();

  @Mixin private ProfileChoice profiles = new ProfileChoice();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() {
    ProfileCatalog catalog = profiles.catalog();
    PrintWriter out = spec.commandLine().getOut();
    line(out, "agent", AgentVersion.current());
    line(out, "java", javaText());
    EngineCatalog engines = EngineCatalog.discovered();
    boolean usable = false;
    for (String name : engines.names()) {
      usable |= tellEngine(out, engines, name);
    }
    Detected detected = profiles.detected(engines, Optional.empty());
    HardwareFacts facts = detected.facts();
    print(out, facts);
    DoctorProfiles.lines(catalog, detected, engines).forEach(text -> line(out, "profile", text));
    line(out, "memory", memoryText(facts));
    boolean opens = tellListeners(out);
    line(
        out,
        "shared",
        Files.isWritable(SHARED)
            ? SHARED + " is there; clients may use it when --shared-memory says so"
            : SHARED + " cannot be written: tensors travel in messages only");
    if (!usable) {
      throw new CommandException(ExitCode.FAILED, "no engine can be used on this machine");
    }
    if (!opens) {
      throw new CommandException(ExitCode.FAILED, "the agent cannot listen as told");
    }
    return ExitCode.DONE;
  }

  private static boolean tellEngine(PrintWriter out, EngineCatalog engines, String name) {
    switch (engines.status(name)) {
      case EngineStatus.Available available -> {
        // A model whose answer is known: an engine may load and yet not run.
        Optional<String> fault =
            Detected.trial(engines, name, LoadOptions.DEFAULTS, loaded -> Optional.empty());
        line(
            out,
            "engine",
            "%s %s, built with %s; %s"
                .formatted(
                    name,
                    available.version(),
                    String.join(", ", available.providers()),
                    fault.orElse("its self-test is right")));
        return fault.isEmpty();
      }
      case EngineStatus.Unavailable unavailable -> {
        line(out, "engine", "%s: not usable: %s".formatted(name, unavailable.reason()));
        return false;
      }
    }
  }

  private static String javaText() {
    List<String> options = ManagementFactory.getRuntimeMXBean().getInputArguments();
    boolean cached = options.stream().anyMatch(option -> option.startsWith("-XX:AOTCache="));
    return "%s, %s, heap to %d MiB, %s"
        .formatted(
            System.getProperty("java.runtime.version"),
            System.getProperty("java.home"),
            Runtime.getRuntime().maxMemory() >> 20,
            cached ? "with AOT cache" : "without AOT cache: 'skerry-agent prepare' makes one");
  }

  private static String memoryText(HardwareFacts facts) {
    OptionalLong limit = MemoryGroup.limit(Path.of("/proc"), Path.of("/sys/fs/cgroup"));
    return "%d MiB, %s"
        .formatted(
            facts.memoryBytes() >> 20,
            limit.isPresent()
                ? "this group of processes may use %d MiB".formatted(limit.getAsLong() >> 20)
                : "no limit on this group of processes");
  }

  private boolean tellListeners(PrintWriter out) {
    if (listen.isEmpty()) {
      line(
          out,
          "socket",
          ListenAddress.usual(System.getenv())
              .map(usual -> usual + " unless --listen says otherwise")
              .orElse(
                  "no usual place: /run/skerry is not writable, XDG_RUNTIME_DIR not set; --listen"));
      return true;
    }
    boolean all = true;
    for (Listener listener : ServeOptions.listeners(listen, spec)) {
      String found;
      try {
        found = AgentServer.tried(listener);
      } catch (ListenException e) {
        found = String.valueOf(e.getMessage());
        all = false;
      }
      line(out, "listen", found);
    }
    return all;
  }

  private static void line(PrintWriter out, String what, String text) {
    out.printf("%-10s %s%n", what, text);
  }

  private static void print(PrintWriter out, HardwareFacts facts) {
    line(out, "processor", "%s, %d cores".formatted(facts.arch(), facts.cores()));
    line(out, "features", String.join(" ", facts.cpuFeatures()));
    line(
        out,
        "accel.",
        facts.accelerators().isEmpty() ? "none found" : String.join(", ", facts.accelerators()));
    line(out, "board", facts.board().isEmpty() ? "unknown" : facts.board());
  }
}
