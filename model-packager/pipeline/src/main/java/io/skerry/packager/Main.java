package io.skerry.packager;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobMain;
import io.skerry.artifact.job.JobProgress;
import io.skerry.artifact.job.JobSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.graph.InputShape;
import io.skerry.packager.measure.BoxLayout;
import io.skerry.packager.measure.Metric;
import io.skerry.profile.ProfileCatalog;
import io.skerry.profile.ProfileException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringSettings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Runs a packaging job when given its folder, and {@code skerry pack} otherwise. */
public final class Main {
  private static final double THRESHOLD = 0.5;

  private Main() {}

  /** Exits with the job's or command's code. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    boolean isJob =
        arguments.length == 1 && Files.isRegularFile(Path.of(arguments[0]).resolve("job.yaml"));
    System.exit(
        isJob
            ? JobMain.run(JobFolder.at(Path.of(arguments[0])), Main::run)
            : PackCommand.run(arguments));
  }

  static void run(JobFolder folder, Path output) throws IOException {
    PackagingRequest request = request(folder, output);
    Packaging.Progress progress =
        new Packaging.Progress() {
          @Override
          public void step(String step, int done, int total, String message) {
            folder.report(new JobProgress(step, done, total, message));
          }

          @Override
          public void seen(PackagingReport sofar) throws IOException {
            write(output, sofar);
          }
        };
    PackagingReport report = Packaging.run(request, output, progress);
    write(output, report);
    Files.writeString(output.resolve("pareto.svg"), ParetoPlot.svg(report));
  }

  /** At once: of a job that is cut off, the server reads what it had seen. */
  private static void write(Path output, PackagingReport report) throws IOException {
    Path part = output.resolve("report.json.part");
    Files.writeString(part, report.json());
    Files.move(
        part,
        output.resolve("report.json"),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  static PackagingRequest request(JobFolder folder, Path output) throws IOException {
    JobSpec spec = folder.spec();
    return new PackagingRequest(
        new ModelVersion(new ModelName(spec.text("model")), spec.integer("version")),
        spec.integer("releaseCounter"),
        model(folder.input("model")),
        inputShape(spec.optionalText("inputShape")),
        folder.input("calibration.npy"),
        PackagingRequest.CALIBRATION_ITEMS_MAX,
        spec.keys().containsKey("goldenItems")
            ? Optional.of(Math.toIntExact(spec.integer("goldenItems")))
            : Optional.empty(),
        existing(folder.input("evaluation_x.npy")),
        existing(folder.input("evaluation_y.npy")),
        existing(folder.input("reference.npy")),
        existing(folder.input("reference_y.npy")),
        spec.optionalText("scoreOutput"),
        spec.number("threshold", THRESHOLD),
        monitoring(spec),
        metric(spec.optionalText("metric")),
        boxes(spec.optionalText("boxes")),
        spec.keys().containsKey("maxDrop")
            ? Optional.of(spec.number("maxDrop", 0))
            : Optional.empty(),
        Files.exists(folder.input("profiles"))
            ? catalog(folder.input("profiles"))
            : ProfileCatalog.builtIn(),
        spec.texts("profiles"),
        keys(spec),
        spec.keys().containsKey("emulatedItems")
            ? Optional.of(
                new PackagingRequest.Emulation(
                    Math.toIntExact(spec.integer("emulatedItems")), Optional.empty()))
            : Optional.empty(),
        timings(folder.input("timings")),
        lost(spec),
        spec.keys().containsKey("candidateBytesMax")
            ? Optional.of(
                new PackagingRequest.Candidates(
                    output.resolve("candidates"), spec.integer("candidateBytesMax"), false))
            : Optional.empty());
  }

  /** In a folder of its own, so that no other input can be named as a file of its weights. */
  private static Path model(Path folder) {
    Path onnx = folder.resolve("model.onnx");
    return Files.exists(onnx) ? onnx : folder.resolve("model.tflite");
  }

  static Map<String, SigningKey> keys(JobSpec spec) throws IOException {
    List<String> unsigned =
        spec.keys().containsKey("unsigned") ? spec.texts("unsigned") : List.of();
    List<String> signed =
        spec.texts("profiles").stream().filter(profile -> !unsigned.contains(profile)).toList();
    if (signed.isEmpty()) {
      return Map.of();
    }
    return sameForAll(signed, SigningKey.read(Path.of(spec.text("keyFile"))));
  }

  static Map<String, SigningKey> sameForAll(List<String> profiles, SigningKey key) {
    Map<String, SigningKey> keys = new HashMap<>();
    profiles.forEach(profile -> keys.put(profile, key));
    return keys;
  }

  /** All reports of a folder; none when it does not exist. */
  static List<DeviceTimings> timings(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return timings(files.sorted().toList());
    }
  }

  static List<DeviceTimings> timings(List<Path> files) throws IOException {
    List<DeviceTimings> timings = new ArrayList<>();
    for (Path file : files) {
      try (InputStream content = Files.newInputStream(file)) {
        byte[] json = content.readNBytes(DeviceTimings.JSON_BYTES_MAX + 1);
        timings.add(DeviceTimings.parse(file.toString(), json));
      } catch (ArtifactException e) {
        throw new JobFailure(
            ErrorCode.REQUEST_INVALID,
            e.getMessage() + ": write it again with 'skerry agent bench --report'",
            e);
      }
    }
    return timings;
  }

  private static List<PackagingRequest.Lost> lost(JobSpec spec) {
    return spec.keys().containsKey("lost")
        ? spec.maps("lost").stream()
            .map(
                each ->
                    new PackagingRequest.Lost(
                        each.text("profile"), Digest.parse(each.text("file")), each.text("reason")))
            .toList()
        : List.of();
  }

  private static Optional<Path> existing(Path file) {
    return Files.exists(file) ? Optional.of(file) : Optional.empty();
  }

  /**
   * What the job says of monitoring; the features that it names apart count where that has none.
   */
  private static MonitoringSettings monitoring(JobSpec spec) {
    MonitoringSettings settings =
        spec.keys().get("monitoring") instanceof Map<?, ?> tree
            ? MonitoringFile.settings("job.yaml", tree)
            : MonitoringSettings.NONE;
    if (!settings.features().isEmpty() || !spec.keys().containsKey("features")) {
      return settings;
    }
    List<Feature> features =
        spec.maps("features").stream()
            .map(f -> new Feature(f.text("name"), Math.toIntExact(f.integer("offset"))))
            .toList();
    return settings.withFeatures(features);
  }

  static Optional<InputShape> inputShape(Optional<String> text) {
    try {
      return text.map(InputShape::parse);
    } catch (IllegalArgumentException e) {
      throw new JobFailure(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  static Optional<Metric> metric(Optional<String> text) {
    return text.map(
        name ->
            Metric.parse(name)
                .orElseThrow(
                    () ->
                        new JobFailure(
                            ErrorCode.REQUEST_INVALID,
                            "metric '%s' is none of %s".formatted(name, Metric.texts()))));
  }

  static Optional<BoxLayout> boxes(Optional<String> text) {
    return text.map(
        name ->
            BoxLayout.parse(name)
                .orElseThrow(
                    () ->
                        new JobFailure(
                            ErrorCode.REQUEST_INVALID,
                            "boxes '%s' are none of %s".formatted(name, BoxLayout.texts()))));
  }

  static ProfileCatalog catalog(Path folder) throws IOException {
    try {
      return ProfileCatalog.load(folder);
    } catch (ProfileException e) {
      throw new JobFailure(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }
}
