package io.skerry.packager;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.emulate.Emulator;
import io.skerry.packager.measure.Metric;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code skerry pack}: packages files, without a server. */
@Command(
    name = "skerry pack",
    description = "Package a model for hardware profiles: one signed artifact per profile.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every profile got an artifact",
      "1:none did; no folder was made",
      "2:wrong options",
      "6:some profiles got one; a line for each other says why it did not"
    },
    subcommands = {InspectCommand.class, VerifyCommand.class},
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class PackCommand implements Callable<Integer> {
  private static final int FAILED = 1;
  private static final int SOME_REFUSED = 6;
  private static final String PUBLIC_KEY_FILE = "release.pub";
  private static final String PLOT_FILE = "pareto.svg";

  @Spec @Nullable CommandSpec spec;

  @Option(names = "--model", description = "The model: *.onnx or *.tflite.")
  @Nullable Path model;

  @Option(
      names = "--input-shape",
      description =
          "What an ONNX model's input is to be where the file leaves more than the batch open:"
              + " name=1,3,224,224, the batch first.")
  @Nullable String inputShape;

  @Option(
      names = "--calibration",
      description =
          "Inputs that set the int8 ranges: .npy, .npz, .csv, .parquet, a .tar.gz or folder of"
              + " images by class, or a folder with data.yaml.")
  @Nullable Path calibration;

  @Option(
      names = "--calibration-items",
      defaultValue = "" + PackagingRequest.CALIBRATION_ITEMS_MAX,
      description = "How many of them at most, evenly spread (default: ${DEFAULT-VALUE}).")
  int calibrationItems = PackagingRequest.CALIBRATION_ITEMS_MAX;

  @Option(
      names = "--evaluation",
      description = "Other inputs, to judge by, in the same forms; else half the calibration data.")
  @Nullable Path evaluation;

  @Option(
      names = "--labels",
      description =
          "What the evaluation inputs are: NPY [items, ...], where the data itself does not tell;"
              + " else agreement with the float model decides.")
  @Nullable Path labels;

  @Option(
      names = "--reference",
      description = "Training inputs for the monitoring baseline: NPY; else the calibration data.")
  @Nullable Path reference;

  @Option(
      names = "--reference-labels",
      description =
          "What the training inputs are: NPY [items], where the data itself does not tell; the"
              + " shares of the classes go along as training priors.")
  @Nullable Path referenceLabels;

  @Option(
      names = "--monitoring",
      description =
          "YAML of what devices watch, privacy rules and bytes a day (docs/telemetry.md); else a"
              + " spread of the input, no rules, no limit.")
  @Nullable Path monitoring;

  @Option(names = "--profile", split = ",", description = "Hardware profiles, by id.")
  List<String> profiles = List.of();

  @Option(names = "--profiles", description = "Folder with more profiles: *.yaml.")
  @Nullable Path profileFolder;

  @Option(names = "--out", description = "New folder for the artifacts, one folder per profile.")
  @Nullable Path out;

  @Option(
      names = "--max-drop",
      description =
          "What of the metric may be lost: 0.5pt, 0.5%% or 0.005 (default: accuracy 0.5pt, rocAuc"
              + " 0.2pt, errors 2%% of the float model's).")
  @Nullable String maxDrop;

  @Option(
      names = "--metric",
      description =
          "rocAuc, accuracy, rmse, mae, meanAveragePrecision, meanIou or agreement (default: by"
              + " labels and outputs).")
  @Nullable String metric;

  @Option(
      names = "--boxes",
      description =
          "What the output of a detector holds, for meanAveragePrecision and, without labels,"
              + " agreement: corners (N x 6: left, top, right,"
              + " bottom, score, class), centres (centre, size, a score per class),"
              + " centres-objectness, or detection-postprocess (four outputs as TFLite's operator"
              + " has them: boxes, classes, scores, count); labels are left, top, right, bottom,"
              + " class in the same unit (default: corners, or what a model ends in that is known).")
  @Nullable String boxes;

  @Option(
      names = "--output",
      description =
          "The output that holds the score (default: the first); for detection-postprocess the"
              + " names of the four, in its order (default: the model's order).")
  @Nullable String output;

  @Option(names = "--name", defaultValue = "model", description = "Model name in the artifact.")
  String name = "model";

  @Option(names = "--model-version", defaultValue = "1", description = "Model version, from 1.")
  long version = 1;

  @Option(
      names = "--key",
      description =
          "Release key: Ed25519, PKCS#8 PEM (default: a new one, only its public half kept).")
  @Nullable Path key;

  @Option(
      names = "--emulate",
      description = "Prove accuracy under QEMU where this machine lacks a profile's instructions.")
  boolean emulate;

  @Option(
      names = "--emulated-items",
      description =
          "Evaluation items to run there (default: "
              + PackagingRequest.Emulation.ITEMS_MAX
              + "); implies --emulate.")
  @Nullable Integer emulatedItems;

  @Option(
      names = "--arm64-root",
      description =
          "Folder that model-packager/arm64-root made (default: $"
              + Emulator.ARM64_ROOT_VARIABLE
              + "); implies --emulate.")
  @Nullable Path arm64Root;

  @Option(
      names = "--timings",
      split = ",",
      description = "What devices reported: files of 'skerry agent bench --report'.")
  List<Path> timings = List.of();

  @Option(
      names = "--candidates",
      description = "Folder for the files of all candidates, for devices to time.")
  @Nullable Path candidates;

  @Option(names = "--json", description = "File for the report.")
  @Nullable Path json;

  @Option(names = "--trace", description = "Print where in the program an unexpected failure was.")
  boolean trace;

  // As Linux words it.
  private static final String DISK_FULL = "No space left on device";

  static int run(String... arguments) {
    return new CommandLine(new PackCommand())
        .setParameterExceptionHandler(
            (exception, given) -> {
              CommandLine command = exception.getCommandLine();
              command
                  .getErr()
                  .printf(
                      "%s: %s: see %1$s --help%n",
                      command.getCommandSpec().qualifiedName(), Packaging.oneLine(exception));
              return command.getCommandSpec().exitCodeOnInvalidInput();
            })
        .setExecutionExceptionHandler(
            (exception, command, parsed) -> {
              command.getErr().println("skerry pack: " + told(exception));
              CommandLine whole = command.getParent() == null ? command : command.getParent();
              if (whole.getCommand() instanceof PackCommand pack && pack.trace) {
                exception.printStackTrace(command.getErr());
              }
              return FAILED;
            })
        .execute(arguments);
  }

  /** A failure in one line, with what to do. */
  static String told(Exception exception) {
    if (!(exception instanceof JobFailure
        || exception instanceof ArtifactException
        || exception instanceof IOException
        || exception instanceof IllegalArgumentException)) {
      return "%s: %s: this is a fault of Skerry: report it with what 'skerry pack --trace' prints"
          .formatted(exception.getClass().getSimpleName(), Packaging.oneLine(exception));
    }
    String text =
        switch (exception) {
          case NoSuchFileException e ->
              "there is no file %s: check the path".formatted(e.getMessage());
          case AccessDeniedException e ->
              "%s may not be read or written: give this user the right to"
                  .formatted(e.getMessage());
          default -> Packaging.oneLine(exception);
        };
    return text.contains(DISK_FULL)
        ? text
            + ": free some for --out and for temporary files in %s, or name other disks"
                .formatted(System.getProperty("java.io.tmpdir"))
        : text;
  }

  @Override
  public Integer call() throws IOException {
    Path target = required("--out", out);
    if (profiles.isEmpty()) {
      required("--profile", null);
    }
    PackFolder folder = PackFolder.of(target, taken());
    SigningKey signing = key == null ? SigningKey.generate() : SigningKey.read(file("--key", key));
    PackagingReport report;
    try (PassingFolder unfinished = folder.unfinished()) {
      Path part = unfinished.path();
      Optional<Path> files = Optional.ofNullable(candidates);
      Optional<Path> told =
          json == null ? Optional.empty() : Optional.of(folder.file("--json", json, part, files));
      if (files.isPresent()) {
        files = Optional.of(folder.folder("--candidates", files.get(), part));
      }
      report = Packaging.run(request(signing, files), part, (step, done, total, message) -> {});
      Files.writeString(
          part.resolve(PUBLIC_KEY_FILE), signing.verificationKey().hex() + System.lineSeparator());
      Files.writeString(part.resolve(PLOT_FILE), ParetoPlot.svg(report));
      if (told.isPresent()) {
        tell(report, told.get(), part);
      }
      folder.finish(part);
    }
    PrintWriter printer = command().commandLine().getOut();
    printer.print(report.table());
    printer.flush();
    report
        .refused()
        .forEach(
            (id, reason) -> command().commandLine().getErr().println("skerry pack: " + reason));
    return report.refused().isEmpty() ? 0 : SOME_REFUSED;
  }

  /** Names in the folder that what is packaged has. */
  private Set<String> taken() {
    Set<String> taken = new HashSet<>(profiles);
    taken.addAll(List.of(PUBLIC_KEY_FILE, PLOT_FILE));
    return taken;
  }

  private void tell(PackagingReport report, Path file, Path part) throws IOException {
    try {
      Path above = file.getParent();
      if (above != null && file.startsWith(part)) {
        Files.createDirectories(above);
      }
      Files.writeString(file, report.json());
    } catch (FileSystemException e) {
      throw new JobFailure(
          ErrorCode.STORAGE_FAILED,
          "--json %s cannot be written (%s): name a file in a folder that is there"
              .formatted(json, Packaging.oneLine(e)),
          e);
    }
  }

  private PackagingRequest request(SigningKey signing, Optional<Path> candidateFolder)
      throws IOException {
    return new PackagingRequest(
        new ModelVersion(new ModelName(name), version),
        version,
        file("--model", required("--model", model)),
        Main.inputShape(Optional.ofNullable(inputShape)),
        required("--calibration", calibration),
        atLeastOne("--calibration-items", calibrationItems),
        Optional.empty(),
        Optional.ofNullable(evaluation),
        Optional.ofNullable(labels).map(path -> file("--labels", path)),
        Optional.ofNullable(reference),
        Optional.ofNullable(referenceLabels).map(path -> file("--reference-labels", path)),
        Optional.ofNullable(output),
        0.5,
        monitoring == null
            ? MonitoringSettings.NONE
            : MonitoringFile.read(file("--monitoring", monitoring)),
        chosenMetric(),
        Main.boxes(Optional.ofNullable(boxes)),
        Optional.ofNullable(maxDrop).map(PackCommand::drop),
        profileFolder == null ? ProfileCatalog.builtIn() : Main.catalog(profileFolder),
        profiles,
        Main.sameForAll(profiles, signing),
        emulation(),
        Main.timings(timings.stream().map(path -> file("--timings", path)).toList()),
        List.of(),
        candidateFolder.map(to -> new PackagingRequest.Candidates(to, Long.MAX_VALUE, true)));
  }

  private Optional<PackagingRequest.Emulation> emulation() {
    if (!emulate && emulatedItems == null && arm64Root == null) {
      return Optional.empty();
    }
    int items =
        emulatedItems == null
            ? PackagingRequest.Emulation.ITEMS_MAX
            : atLeastOne("--emulated-items", emulatedItems);
    return Optional.of(new PackagingRequest.Emulation(items, Optional.ofNullable(arm64Root)));
  }

  private static int atLeastOne(String option, int items) {
    if (items < 1) {
      throw new JobFailure(
          ErrorCode.REQUEST_INVALID, "%s is %d: name at least 1".formatted(option, items));
    }
    return items;
  }

  private Optional<Metric> chosenMetric() {
    return Main.metric(Optional.ofNullable(metric));
  }

  /** Points and per cent are hundredths. */
  static double drop(String text) {
    String digits = text.replaceFirst("(pt|%)$", "");
    try {
      double number = Double.parseDouble(digits);
      if (number >= 0 && number <= 100) {
        return digits.length() < text.length() ? number / 100 : number;
      }
    } catch (NumberFormatException e) {
      throw new JobFailure(
          ErrorCode.REQUEST_INVALID, "--max-drop '%s' is no number: use 0.5pt".formatted(text), e);
    }
    throw new JobFailure(
        ErrorCode.REQUEST_INVALID, "--max-drop '%s' is out of range: use 0.5pt".formatted(text));
  }

  /** What is read as one file: of a folder the system says neither which nor what to do. */
  static Path file(String option, Path path) {
    if (Files.isDirectory(path)) {
      throw new JobFailure(
          ErrorCode.REQUEST_INVALID, "%s %s is a folder: name a file".formatted(option, path));
    }
    return path;
  }

  private Path required(String option, @Nullable Path value) {
    if (value == null) {
      throw new CommandLine.ParameterException(
          command().commandLine(), "Missing required option: '%s'".formatted(option));
    }
    return value;
  }

  private CommandSpec command() {
    if (spec == null) {
      throw new IllegalStateException("only picocli makes this command");
    }
    return spec;
  }
}
