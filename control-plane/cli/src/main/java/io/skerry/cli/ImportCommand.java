package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import io.skerry.api.document.RequestDocument;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "import",
    description = "Brings data or a model of your own.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class ImportCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "dataset",
      description = "Stores a CSV file: device,cycle,FEATURE...,label.",
      mixinStandardHelpOptions = true)
  int dataset(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "FILE") Path file,
      @Option(names = "--name", required = true, description = "the dataset") String name,
      @Option(
              names = "--batch",
              required = true,
              description =
                  "names these rows; sending them again under the same name stores nothing twice")
          String batch,
      @Option(
              names = "--window",
              defaultValue = "30",
              description = "cycles of one example; default: ${DEFAULT-VALUE}")
          int window,
      @Mixin OutputOptions output)
      throws IOException {
    checkFile(file);
    try (SkerryClient client = server.client()) {
      JsonObject stored =
          client.send(
              "POST",
              "/v1/datasets/%s/batches/%s?window=%d"
                  .formatted(DescribeCommand.encoded(name), DescribeCommand.encoded(batch), window),
              "text/csv",
              BodyPublishers.ofFile(file),
              JsonObject.class);
      String kind = "dataset/%s/%s".formatted(name, batch);
      output.print(
          spec.commandLine().getOut(),
          stored,
          kind,
          "%s stored%n%s rows, %s examples: %s train, %s validation, %s test%nsnapshot %s"
              .formatted(
                  kind,
                  Json.text(stored, "rows"),
                  Json.text(stored, "examples"),
                  Json.text(stored, "train"),
                  Json.text(stored, "validation"),
                  Json.text(stored, "test"),
                  Json.text(stored, "snapshot")));
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "feedback",
      description = {
        "Tells actual outcomes from a CSV file: device, prediction_id or client_id, actual,",
        "outcome_at. All of them are stored or none; told twice they count once."
      },
      mixinStandardHelpOptions = true)
  int feedback(@Mixin ServerOptions server, @Parameters(paramLabel = "FILE") Path file)
      throws IOException {
    checkFile(file);
    try (SkerryClient client = server.client()) {
      JsonObject receipt =
          client.send(
              "POST", "/v1/feedback", "text/csv", BodyPublishers.ofFile(file), JsonObject.class);
      spec.commandLine()
          .getOut()
          .println(
              "%s outcomes told: %s stored, %s told before, %s joined now"
                  .formatted(
                      Json.text(receipt, "told"),
                      Json.text(receipt, "stored"),
                      Json.text(receipt, "duplicates"),
                      Json.text(receipt, "joined")));
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "monitoring",
      description = {
        "Says what devices watch of a model, under which privacy rules, with how many bytes a day.",
        "Versions that are packaged from then on carry it, those of pipelines too."
      },
      mixinStandardHelpOptions = true)
  int monitoring(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "FILE", arity = "0..1", description = "YAML") @Nullable Path file,
      @Option(names = "--model", description = "the model") @Nullable String model,
      @Option(names = "--schema", description = "print the file's JSON schema") boolean schema) {
    PrintWriter out = spec.commandLine().getOut();
    if (schema) {
      out.println(RequestDocument.MONITORING.schema().strip());
      return ExitCodes.DONE;
    }
    if (file == null || model == null) {
      throw new CommandFailed(ExitCodes.USAGE, "name a file and --model");
    }
    try (SkerryClient client = server.client()) {
      sendMonitoring(client, model, file);
      out.println(
          Table.printable(
              "model/%s is watched as %s says from its next packaging on".formatted(model, file)));
    }
    return ExitCodes.DONE;
  }

  static void sendMonitoring(SkerryClient client, String model, Path file) {
    client.send(
        "PUT",
        "/v1/models/%s/monitoring".formatted(DescribeCommand.encoded(model)),
        "application/json",
        BodyPublishers.ofString(RequestFile.read(RequestDocument.MONITORING, file).toString()),
        JsonObject.class);
  }

  @Command(
      name = "timings",
      description = {
        "Tells how fast model files are on a device: reports of 'skerry agent bench --report'.",
        "Packagings that start from then on choose by them where the server is of another profile."
      },
      mixinStandardHelpOptions = true)
  int timings(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "FILE", arity = "1..*") List<Path> files)
      throws IOException {
    files.forEach(ImportCommand::checkFile);
    try (SkerryClient client = server.client()) {
      for (Path file : files) {
        JsonObject told =
            client.send(
                "POST",
                "/v1/timings",
                "application/json",
                BodyPublishers.ofFile(file),
                JsonObject.class);
        spec.commandLine()
            .getOut()
            .println(
                Table.printable(
                    "%s: %s files on %s of profile %s"
                        .formatted(
                            file,
                            Json.text(told, "timings"),
                            Json.text(told, "device"),
                            Json.text(told, "profile"))));
      }
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "model",
      description = {
        "Registers an ONNX or TFLite model and packages it for hardware profiles. Weights that an",
        "ONNX model keeps in files beside its own go with it."
      },
      mixinStandardHelpOptions = true)
  int model(
      @Mixin ServerOptions server,
      @Parameters(
              paramLabel = "FILE",
              description = "the model; or a folder or .zip of one model and its weight files")
          Path file,
      @Option(names = "--name", required = true, description = "the model") String name,
      @Option(
              names = "--calibration",
              required = true,
              paramLabel = "DATA",
              description =
                  "inputs as one .npy file [items, ...] of at least 20 items; or a folder or .zip with calibration.npy, and, to judge variants by labels instead of by agreement with your model, evaluation_x.npy and evaluation_y.npy; reference.npy if the monitoring baseline shall come from other inputs, with their classes in reference_y.npy for the training priors")
          Path calibration,
      @Option(
              names = "--profile",
              description =
                  "hardware profile, several times if needed; default: those of the enrolled devices, or all for processors while there is none")
          List<String> profiles,
      @Option(
              names = "--monitoring",
              paramLabel = "FILE",
              description = "what devices watch and may tell, as 'import monitoring' takes it")
          @Nullable Path monitoring,
      @Option(
              names = "--input-shape",
              paramLabel = "NAME=1,3,224,224",
              description =
                  "what an ONNX model's input is to be where the file leaves more than the batch open, the batch first")
          @Nullable String inputShape,
      @Mixin EmulationOptions emulation,
      @Mixin JudgingOptions judging,
      @Option(names = "--watch", description = "wait for the packaging to end") boolean watch,
      @Option(names = "--timeout", defaultValue = "30m", converter = Durations.class)
          Duration timeout,
      @Mixin OutputOptions output)
      throws IOException, InterruptedException {
    if (!Files.isDirectory(file)) {
      checkFile(file);
    }
    Path data = Files.isDirectory(calibration) ? zipped(calibration) : calibration;
    checkFile(data);
    try (ModelUpload upload = upload(file);
        SkerryClient client = server.client()) {
      if (monitoring != null) {
        sendMonitoring(client, name, monitoring);
      }
      Map<String, String> parts = new LinkedHashMap<>(judging.parts());
      if (inputShape != null) {
        parts.put("inputShape", inputShape);
      }
      String boundary = "skerry-" + UUID.randomUUID();
      JsonObject started =
          client.send(
              "PUT",
              "/v1/models/%s/import".formatted(DescribeCommand.encoded(name)),
              "multipart/form-data; boundary=" + boundary,
              multipart(
                  boundary,
                  upload,
                  data,
                  profiles == null ? List.of() : profiles,
                  emulation.items(),
                  parts),
              JsonObject.class);
      String version = Json.text(started, "model") + "@" + Json.text(started, "version");
      output.print(
          spec.commandLine().getOut(),
          started,
          "model/" + version,
          "model/%s registered, packaging started".formatted(version));
      return watch
          ? Watch.follow(
              client,
              "/v1/models/%s/versions/%s/variants"
                  .formatted(DescribeCommand.encoded(name), Json.text(started, "version")),
              timeout,
              Watch::work,
              spec.commandLine().getErr())
          : ExitCodes.DONE;
    } finally {
      if (!data.equals(calibration)) {
        Files.deleteIfExists(data);
      }
    }
  }

  private static ModelUpload upload(Path model) throws IOException {
    try {
      return ModelUpload.of(model);
    } catch (IllegalArgumentException e) {
      throw new CommandFailed(ExitCodes.USAGE, String.valueOf(e.getMessage()));
    }
  }

  private static BodyPublisher multipart(
      String boundary,
      ModelUpload model,
      Path data,
      List<String> profiles,
      @Nullable Integer emulatedItems,
      Map<String, String> judging)
      throws IOException {
    List<BodyPublisher> parts = new ArrayList<>();
    addFile(parts, boundary, "file", model.file(), model.name());
    addFile(parts, boundary, "calibration", data, data.getFileName().toString());
    if (!profiles.isEmpty()) {
      addText(parts, boundary, "profiles", String.join(",", profiles));
    }
    if (emulatedItems != null) {
      addText(parts, boundary, "emulatedItems", emulatedItems.toString());
    }
    judging.forEach((name, value) -> addText(parts, boundary, name, value));
    parts.add(text("--%s--\r\n".formatted(boundary)));
    return BodyPublishers.concat(parts.toArray(BodyPublisher[]::new));
  }

  private static void addText(
      List<BodyPublisher> parts, String boundary, String name, String value) {
    parts.add(
        text(
            """
            --%s\r
            Content-Disposition: form-data; name="%s"\r
            \r
            %s\r
            """
                .formatted(boundary, name, value)));
  }

  private static void addFile(
      List<BodyPublisher> parts, String boundary, String name, Path file, String called)
      throws IOException {
    String shown = called.replaceAll("[^A-Za-z0-9._-]", "_");
    parts.add(
        text(
            """
            --%s\r
            Content-Disposition: form-data; name="%s"; filename="%s"\r
            Content-Type: application/octet-stream\r
            \r
            """
                .formatted(boundary, name, shown)));
    parts.add(BodyPublishers.ofFile(file));
    parts.add(text("\r\n"));
  }

  private static BodyPublisher text(String text) {
    return BodyPublishers.ofString(text, StandardCharsets.UTF_8);
  }

  private static Path zipped(Path folder) throws IOException {
    Path zip = Files.createTempFile("skerry-calibration-", ".zip");
    try (OutputStream out = Files.newOutputStream(zip);
        ZipOutputStream entries = new ZipOutputStream(out);
        Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(one -> one.toString().endsWith(".npy")).sorted().toList()) {
        entries.putNextEntry(new ZipEntry(file.getFileName().toString()));
        Files.copy(file, entries);
        entries.closeEntry();
      }
    }
    return zip;
  }

  static void checkFile(Path file) {
    if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new CommandFailed(ExitCodes.USAGE, "file %s cannot be read".formatted(file));
    }
  }
}
