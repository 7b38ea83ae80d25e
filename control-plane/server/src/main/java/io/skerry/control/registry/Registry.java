package io.skerry.control.registry;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.ModelVersionView;
import io.skerry.api.ModelView;
import io.skerry.api.Variant;
import io.skerry.api.VariantState;
import io.skerry.api.WeightFile;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.training.RunSucceeded;
import io.skerry.control.training.VersionNumbers;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/** Versions of models, where they came from, and their variants. Thread-safe. */
@Singleton
public final class Registry {
  private final Database database;
  private final ArtifactStore artifacts;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();

  Registry(Database database, ArtifactStore artifacts, AuditLog audit) {
    this.database = database;
    this.artifacts = artifacts;
    this.audit = audit;
  }

  /** All models by name, each with its versions, newest first, and their variants. */
  public List<ModelView> models() {
    return database.call(
        transaction -> {
          transaction.readOneSnapshot();
          Map<String, List<ModelVersionView>> byModel = new LinkedHashMap<>();
          for (ModelVersionView version : RegistryStore.versions(transaction)) {
            byModel
                .computeIfAbsent(version.model(), name -> new ArrayList<>())
                .add(
                    RegistryStore.with(
                        version, RegistryStore.variants(transaction, versionOf(version))));
          }
          return byModel.entrySet().stream()
              .map(entry -> new ModelView(entry.getKey(), entry.getValue()))
              .toList();
        });
  }

  /**
   * A version with its variants.
   *
   * @throws ProblemException if it is not registered
   */
  public ModelVersionView version(ModelVersion version) {
    return database
        .call(
            transaction ->
                RegistryStore.version(transaction, version)
                    .map(
                        found ->
                            RegistryStore.with(
                                found, RegistryStore.variants(transaction, version))))
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND,
                    "model version '%s' is not registered".formatted(version)));
  }

  /** The signed variant that devices of a profile get; empty when there is none. */
  public Optional<Variant> variant(ModelVersion version, ProfileId profile) {
    return database.call(transaction -> RegistryStore.variants(transaction, version)).stream()
        .filter(
            variant ->
                variant.state() == VariantState.RELEASED
                    && variant.profile().equals(profile.value()))
        .findFirst();
  }

  /**
   * The model file of a version.
   *
   * @throws ProblemException if the version is not registered or its file is gone
   */
  public Path modelFile(ModelVersion version) {
    return file(version(version).blob(), version);
  }

  private Path file(String blob, ModelVersion version) {
    return artifacts
        .find(Digest.parse(blob))
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.ARTIFACT_NOT_FOUND,
                    "model file %s of %s is gone".formatted(blob, version)))
        .file();
  }

  /**
   * Copies a version's model into a folder as {@code model.onnx} or {@code model.tflite}, and the
   * files of its weights to where it says that they are.
   *
   * @throws ProblemException if the version is not registered or a file is gone
   */
  public void copyModel(ModelVersion version, Path folder) throws IOException {
    ModelVersionView view = version(version);
    String name = "model." + view.format();
    Files.copy(file(view.blob(), version), folder.resolve(name));
    for (WeightFile weight : view.weights()) {
      // A model may say that its weights are in its own file, which has this name here.
      if (!weight.name().equals(name)) {
        Path to = folder.resolve(weight.name());
        Files.createDirectories(to.resolveSibling(""));
        Files.copy(file(weight.blob(), version), to);
      }
    }
  }

  /** Where a version's own calibration data is, relative to the data folder; imports only. */
  public Optional<String> calibration(ModelVersion version) {
    return database.call(transaction -> RegistryStore.calibration(transaction, version));
  }

  /** Whether this folder, relative to the data folder, is a version's own calibration data. */
  public boolean isCalibration(String folder) {
    return database.call(transaction -> RegistryStore.isCalibration(transaction, folder));
  }

  /**
   * Registers a user's own model.
   *
   * @param format {@code onnx} or {@code tflite}
   * @param weights files beside it that hold weights, by their path in its folder
   * @param calibration folder with its calibration data, relative to the data folder
   */
  public ModelVersion add(
      Actor actor,
      ModelName model,
      String format,
      Path modelFile,
      SortedMap<Path, Path> weights,
      String calibration) {
    Digest blob = keep(modelFile);
    List<WeightFile> kept = new ArrayList<>();
    weights.forEach((name, file) -> kept.add(weight(name, file)));
    return database.call(
        transaction -> {
          ModelVersion version = VersionNumbers.next(transaction, model);
          RegistryStore.insert(
              transaction, version, "import", format, blob, null, null, calibration, null, now());
          kept.forEach(weight -> RegistryStore.insertWeight(transaction, version, weight));
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("model.imported", "model/" + version, told(blob, kept)));
          return version;
        });
  }

  private WeightFile weight(Path name, Path file) {
    try {
      return new WeightFile(name.toString(), keep(file).toString(), Files.size(file));
    } catch (IOException e) {
      throw new UncheckedIOException("weight file %s cannot be read".formatted(file), e);
    }
  }

  private static String told(Digest blob, List<WeightFile> weights) {
    return weights.isEmpty()
        ? blob.toString()
        : "%s, %d files of weights, %d bytes"
            .formatted(blob, weights.size(), weights.stream().mapToLong(WeightFile::bytes).sum());
  }

  /** Stores what packaging made, in the caller's transaction; replaces what its profiles had. */
  public void putVariants(Transaction transaction, ModelVersion version, List<Variant> variants) {
    RegistryStore.putVariants(transaction, version, variants);
  }

  /** The envelope that signs the artifact of a profile. */
  public record Signing(ProfileId profile, Digest manifest, Digest signature) {}

  /**
   * Makes an envelope that the caller has checked the one of a chosen variant, in the caller's
   * transaction.
   *
   * @return the envelope that the variant had before
   * @throws ProblemException if the profile has another artifact by now
   */
  public Optional<String> sign(Transaction transaction, ModelVersion version, Signing signing) {
    Optional<String> before =
        RegistryStore.lockSignature(transaction, version, signing.profile(), signing.manifest())
            .orElseThrow(
                () ->
                    new ProblemException(
                        ErrorCode.STATE_CONFLICT,
                        "%s for %s is not %s any more: it was packaged again meanwhile"
                            .formatted(version, signing.profile(), signing.manifest())));
    RegistryStore.putSignature(transaction, version, signing.profile(), signing.signature());
    return before;
  }

  @EventListener
  void onRun(RunSucceeded run) {
    Digest blob = keep(run.modelFile());
    database.run(
        transaction -> {
          if (RegistryStore.isOfRun(transaction, run.version(), run.run())) {
            return;
          }
          RegistryStore.insert(
              transaction,
              run.version(),
              "run",
              "onnx",
              blob,
              run.run(),
              run.snapshot(),
              null,
              run.metrics(),
              now());
          audit.append(
              transaction,
              Actor.system("registry"),
              AuditLog.Act.of("model.registered", "model/" + run.version(), "run " + run.run()));
        });
  }

  private Digest keep(Path modelFile) {
    try (InputStream in = Files.newInputStream(modelFile)) {
      MessageDigest sha = Digest.newMessageDigest();
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        sha.update(buffer, 0, read);
      }
      Digest digest = Digest.of(sha);
      artifacts.put(digest, modelFile);
      return digest;
    } catch (IOException e) {
      throw new UncheckedIOException("model file %s cannot be read".formatted(modelFile), e);
    }
  }

  private static ModelVersion versionOf(ModelVersionView view) {
    return new ModelVersion(new ModelName(view.model()), view.version());
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
