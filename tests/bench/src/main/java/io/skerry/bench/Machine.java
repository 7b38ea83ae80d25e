package io.skerry.bench;

import com.google.gson.JsonObject;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareFacts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What was measured on. */
final class Machine {
  private static final Path CPUS = Path.of("/proc/cpuinfo");
  private static final String MODEL = "model name";

  private Machine() {}

  static JsonObject toJson() {
    HardwareFacts facts = FactsProbe.detect();
    JsonObject machine = new JsonObject();
    machine.addProperty("arch", facts.arch());
    machine.addProperty("cpu", cpu());
    machine.addProperty("cores", Runtime.getRuntime().availableProcessors());
    machine.addProperty("memoryBytes", facts.memoryBytes());
    machine.addProperty(
        "os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    machine.addProperty("java", Runtime.version().toString());
    return machine;
  }

  private static String cpu() {
    try (Stream<String> lines = Files.lines(CPUS)) {
      return lines
          .filter(line -> line.startsWith(MODEL))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("unknown");
    } catch (java.io.IOException | java.io.UncheckedIOException e) {
      return "unknown";
    }
  }
}
