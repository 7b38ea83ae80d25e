package io.skerry.bench;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.control.job.JobProgram;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** One {@code skerry pack}, as a process of its own, and what it reported. */
record PackRun(JsonObject report, double seconds, Path candidates) {
  private static final int MINUTES_MAX = 30;

  static PackRun of(
      PackagerModels.Model model,
      List<String> profiles,
      Path folder,
      Optional<Integer> emulatedItems,
      Processors processors)
      throws IOException, InterruptedException {
    Path own = Files.createTempDirectory(folder, model.name() + "-");
    Path json = own.resolve("report.json");
    List<String> command =
        new ArrayList<>(
            JobProgram.ofModule(
                    JobProgram.home(), "model-packager/pipeline", "io.skerry.packager.Main")
                .command());
    command.add(1, "-Xmx2g");
    command.addAll(List.of("--model", model.file().toString()));
    command.addAll(List.of("--calibration", model.calibration().toString()));
    command.addAll(List.of("--calibration-items", Integer.toString(model.calibrationItems())));
    command.addAll(List.of("--evaluation", model.evaluation().toString()));
    model.labels().ifPresent(file -> command.addAll(List.of("--labels", file.toString())));
    command.addAll(List.of("--profile", String.join(",", profiles)));
    command.addAll(List.of("--out", own.resolve("out").toString(), "--json", json.toString()));
    command.addAll(List.of("--candidates", own.resolve("candidates").toString()));
    emulatedItems.ifPresent(
        items -> command.addAll(List.of("--emulate", "--emulated-items", Integer.toString(items))));
    Path log = own.resolve("log");
    ProcessBuilder builder =
        new ProcessBuilder(processors.bound(command))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("ORT_DISABLE_TELEMETRY", "1");
    long start = System.nanoTime();
    Process process = builder.start();
    try {
      if (!process.waitFor(MINUTES_MAX, TimeUnit.MINUTES)) {
        throw new IOException("skerry pack took longer than %d minutes".formatted(MINUTES_MAX));
      }
    } finally {
      process.destroyForcibly();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    if (process.exitValue() != 0) {
      throw new IOException("skerry pack failed: " + Files.readString(log).strip());
    }
    return new PackRun(
        JsonParser.parseString(Files.readString(json)).getAsJsonObject(),
        seconds,
        own.resolve("candidates"));
  }

  String metric() {
    return report.get("metric").getAsString();
  }

  JsonObject winner(String profile) {
    for (JsonElement each : report.getAsJsonArray("variants")) {
      JsonObject variant = each.getAsJsonObject();
      if (variant.get("profile").getAsString().equals(profile)
          && variant.get("winner").getAsBoolean()) {
        return variant;
      }
    }
    throw new IllegalStateException("no winner for " + profile);
  }

  static String candidate(JsonObject variant) {
    return engine(variant) + "/" + variant.get("precision").getAsString();
  }

  static String engine(JsonObject variant) {
    return variant.get("engine").getAsString();
  }

  /** The one that ships, where several are of one kind: with layers in float, and without. */
  private Optional<JsonObject> variant(String profile, String candidate) {
    Optional<JsonObject> first = Optional.empty();
    for (JsonElement each : report.getAsJsonArray("variants")) {
      JsonObject variant = each.getAsJsonObject();
      if (variant.get("profile").getAsString().equals(profile)
          && candidate(variant).equals(candidate)
          && (first.isEmpty() || variant.get("winner").getAsBoolean())) {
        first = Optional.of(variant);
      }
    }
    return first;
  }

  Optional<Double> p50(String profile, String candidate) {
    return variant(profile, candidate)
        .filter(variant -> !variant.get("p50Micros").isJsonNull())
        .map(variant -> variant.get("p50Micros").getAsDouble());
  }

  long bytes(String profile, String candidate) {
    return variant(profile, candidate).orElseThrow().get("bytes").getAsLong();
  }

  Path file(String profile, String candidate) throws IOException {
    return file(profile, variant(profile, candidate).orElseThrow());
  }

  /** By what the report says that it holds: names do not tell those of one kind apart. */
  Path file(String profile, JsonObject variant) throws IOException {
    Digest wanted = Digest.parse(variant.get("model").getAsString());
    try (Stream<Path> files = Files.list(candidates.resolve(profile))) {
      for (Path file : files.sorted().toList()) {
        if (Digest.of(Files.readAllBytes(file)).equals(wanted)) {
          return file;
        }
      }
    }
    throw new IOException(
        "no file in %s is %s %s"
            .formatted(candidates.resolve(profile), candidate(variant), wanted));
  }
}
