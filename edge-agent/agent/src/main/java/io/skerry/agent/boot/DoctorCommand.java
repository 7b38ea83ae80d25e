package io.skerry.agent.boot;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareFacts;
import io.skerry.runtime.EngineStatus;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Says what this machine offers. */
@Command(
    name = "doctor",
    description = "Prints what the agent finds on this machine: engines and hardware facts.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    out.printf("agent      %s%n", AgentVersion.current());
    out.printf(
        "java       %s, %s%n",
        System.getProperty("java.runtime.version"), System.getProperty("java.home"));
    EngineCatalog engines = EngineCatalog.discovered();
    boolean usable = false;
    for (String name : engines.names()) {
      switch (engines.status(name)) {
        case EngineStatus.Available available -> {
          usable = true;
          out.printf(
              "engine     %s %s: %s%n",
              name, available.version(), String.join(", ", available.providers()));
        }
        case EngineStatus.Unavailable unavailable ->
            out.printf("engine     %s: not usable: %s%n", name, unavailable.reason());
      }
    }
    print(out, FactsProbe.detect(engines.usable()));
    if (!usable) {
      throw new CommandException(ExitCode.FAILED, "no engine can be used on this machine");
    }
    return ExitCode.DONE;
  }

  private static void print(PrintWriter out, HardwareFacts facts) {
    out.printf("processor  %s, %d cores%n", facts.arch(), facts.cores());
    out.printf("features   %s%n", String.join(" ", facts.cpuFeatures()));
    out.printf("memory     %d MiB%n", facts.memoryBytes() >> 20);
    out.printf(
        "accel.     %s%n",
        facts.accelerators().isEmpty() ? "none" : String.join(", ", facts.accelerators()));
    out.printf("board      %s%n", facts.board().isEmpty() ? "unknown" : facts.board());
  }
}
