package io.skerry.control.packaging;

import io.skerry.api.Judging;
import io.skerry.api.ModelVersionView;
import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.control.dataset.Datasets;
import io.skerry.control.dataset.Examples;
import io.skerry.control.dataset.Snapshot;
import io.skerry.control.dataset.Split;
import io.skerry.control.device.Profiles;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.host.DataFolder;
import io.skerry.control.registry.Registry;
import io.skerry.control.sql.Database;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes the folder of a packaging job. */
@Singleton
final class PackagingInput {
  static final int CALIBRATION_WINDOWS = 200;
  static final int REFERENCE_WINDOWS_MAX = 4_000;
  static final List<String> ARRAYS =
      List.of(
          "calibration.npy",
          "evaluation_x.npy",
          "evaluation_y.npy",
          "reference.npy",
          "reference_y.npy");

  private final Datasets datasets;
  private final Registry registry;
  private final Profiles profiles;
  private final SigningKeys keys;
  private final ModelMonitoring monitoring;
  private final TimingReports timings;
  private final KeptCandidates candidates;
  private final Database database;
  private final Path root;

  PackagingInput(
      Datasets datasets,
      Registry registry,
      Profiles profiles,
      SigningKeys keys,
      ModelMonitoring monitoring,
      TimingReports timings,
      KeptCandidates candidates,
      Database database,
      DataFolder data) {
    this.monitoring = monitoring;
    this.timings = timings;
    this.candidates = candidates;
    this.database = database;
    this.datasets = datasets;
    this.registry = registry;
    this.profiles = profiles;
    this.keys = keys;
    this.root = data.root();
  }

  /** Of these profiles, those for which devices would not believe this server's own key. */
  private List<String> unsigned(ModelName model, List<String> chosen) {
    return chosen.stream()
        .filter(profile -> !keys.mayRelease(model, new ProfileId(profile)))
        .toList();
  }

  void write(
      Path folder,
      ModelVersionView view,
      List<String> chosen,
      long releaseCounter,
      int emulatedItems,
      Judging judging)
      throws IOException {
    ModelVersion version = PackagingService.version(view.model(), view.version());
    Map<String, Object> job = new LinkedHashMap<>();
    job.put("kind", "package");
    job.put("model", view.model());
    job.put("version", view.version());
    job.put("releaseCounter", releaseCounter);
    job.put("threshold", 0.5);
    job.put("profiles", chosen);
    job.put("keyFile", keys.automationFile().toAbsolutePath().toString());
    job.put("unsigned", unsigned(version.model(), chosen));
    job.put("candidateBytesMax", candidates.ofPackagingBytesMax());
    if (emulatedItems > 0) {
      job.put("emulatedItems", emulatedItems);
    }
    List<Map<String, Object>> lost =
        database.call(transaction -> EmulatedLosses.of(transaction, version, chosen));
    if (!lost.isEmpty()) {
      job.put("lost", lost);
    }
    Map<?, ?> said = monitoring.tree(version.model());
    if (!said.isEmpty()) {
      job.put("monitoring", said);
    }
    String snapshot = view.snapshot();
    if (snapshot == null) {
      Path own = own(version);
      Judgings.say(judging.equals(Judging.BY_DATA) ? Judgings.kept(own) : judging, job);
      InputShapes.kept(own).ifPresent(shape -> job.put("inputShape", shape));
      JobFolder prepared = JobFolder.create(folder, job);
      copyOwnArrays(prepared, own);
      writeCommon(prepared, version, chosen);
    } else {
      Snapshot source = datasets.snapshot(snapshot);
      job.put("metric", source.classes() > 2 ? "accuracy" : "rocAuc");
      job.put("input", "input");
      job.put("scoreOutput", "score");
      job.put("features", newestCycle(source));
      Judgings.say(judging, job);
      Examples examples = datasets.examples(source);
      // An artifact goes to every device, and no erasure reaches it there.
      job.put("goldenItems", examples.ownInputs(Split.TRAIN, CALIBRATION_WINDOWS));
      JobFolder prepared = JobFolder.create(folder, job);
      writeArrays(prepared, examples);
      writeCommon(prepared, version, chosen);
    }
  }

  // What is watched of an input is its newest cycle: the last column of [features, window].
  private static List<Map<String, Object>> newestCycle(Snapshot source) {
    List<Map<String, Object>> features = new ArrayList<>();
    for (int i = 0; i < source.features().size(); i++) {
      features.add(
          Map.of("name", source.features().get(i), "offset", (i + 1) * source.window() - 1));
    }
    return features;
  }

  private static void writeArrays(JobFolder prepared, Examples examples) throws IOException {
    examples.inputs(Split.TRAIN, CALIBRATION_WINDOWS).write(prepared.input("calibration.npy"));
    examples.inputs(Split.TEST, Integer.MAX_VALUE).write(prepared.input("evaluation_x.npy"));
    examples.labels(Split.TEST, Integer.MAX_VALUE).write(prepared.input("evaluation_y.npy"));
    examples.inputs(Split.TRAIN, REFERENCE_WINDOWS_MAX).write(prepared.input("reference.npy"));
    examples.labels(Split.TRAIN, REFERENCE_WINDOWS_MAX).write(prepared.input("reference_y.npy"));
  }

  private Path own(ModelVersion version) {
    return registry
        .calibration(version)
        .map(root::resolve)
        .orElseThrow(
            () ->
                new JobFailure(
                    ErrorCode.PACKAGING_FAILED,
                    "%s has neither a snapshot nor calibration data".formatted(version)));
  }

  private static void copyOwnArrays(JobFolder prepared, Path own) throws IOException {
    for (String array : ARRAYS) {
      if (Files.exists(own.resolve(array))) {
        Files.copy(own.resolve(array), prepared.input(array));
      }
    }
  }

  private void writeCommon(JobFolder prepared, ModelVersion version, List<String> chosen)
      throws IOException {
    // In a folder of its own: a model may say that its weights are files beside it.
    Path model = Files.createDirectories(prepared.input("model"));
    registry.copyModel(version, model);
    timings.write(prepared.input(TimingReports.FOLDER), chosen);
    Path folder = Files.createDirectories(prepared.input("profiles"));
    for (String profile : chosen) {
      String yaml =
          profiles
              .catalog()
              .yaml(profile)
              .orElseThrow(
                  () -> new JobFailure(ErrorCode.PACKAGING_FAILED, profiles.unknown(profile)));
      Files.writeString(folder.resolve(profile + ".yaml"), yaml);
    }
  }
}
