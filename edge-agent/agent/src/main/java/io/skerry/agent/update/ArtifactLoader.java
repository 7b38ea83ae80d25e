package io.skerry.agent.update;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelRef;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ArtifactReader;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ReleaseCheck;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.profile.ProfileMatch;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Fetches, checks and loads artifacts. Blocks; thread-safe. */
final class ArtifactLoader {
  private final BlobFolder blobs;
  private final BlobDownload download;
  // Who released it is asked before a version is begun; what was accepted once runs on, even when
  // its key is rotated away or the floor rises above it.
  private final ArtifactReader candidates;
  private final ArtifactReader reader;
  private final HardwareFacts facts;
  private final ProfileCatalog profiles;
  private final EngineCatalog engines;
  private final int threadsMax;

  ArtifactLoader(
      BlobFolder blobs,
      BlobDownload download,
      Supplier<Trust> trust,
      HardwareFacts facts,
      ProfileCatalog profiles,
      EngineCatalog engines,
      int threadsMax) {
    this.blobs = blobs;
    this.download = download;
    this.candidates = new ArtifactReader(blobs, envelope -> trust.get().released(envelope));
    this.reader = new ArtifactReader(blobs, ReleaseCheck.acceptedBefore());
    this.facts = facts;
    this.profiles = profiles;
    this.engines = engines;
    this.threadsMax = threadsMax;
  }

  /** Fetches what is missing; refuses before the model travels what can be refused by then. */
  void download(DesiredSlot order, BooleanSupplier cancelled) throws UpdateException {
    download.fetch(order.artifactBase(), order.signature(), DsseEnvelope.JSON_BYTES_MAX, cancelled);
    ArtifactManifest manifest = checkedManifest(order, candidates);
    for (Layer layer : manifest.layers()) {
      download.fetch(order.artifactBase(), layer, cancelled);
    }
  }

  /** Reads every byte back and checks it; what is not what it must be is deleted. */
  void verify(DesiredSlot order) throws UpdateException {
    verify(checkedManifest(order, candidates));
  }

  private void verify(ArtifactManifest manifest) throws UpdateException {
    for (Layer layer : manifest.layers()) {
      try {
        reader.verify(layer);
      } catch (ArtifactException e) {
        forget(layer.digest());
        throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
      }
    }
    try {
      plan(manifest);
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  private void forget(Digest digest) {
    try {
      blobs.delete(digest);
    } catch (IOException e) {
      // Verified again before every use, so that a blob that stays cannot do harm.
    }
  }

  private ArtifactManifest checkedManifest(DesiredSlot order, ArtifactReader reader)
      throws UpdateException {
    ArtifactManifest manifest;
    try {
      manifest = reader.manifest(order.manifest(), order.signature());
    } catch (ArtifactException e) {
      if (e.code() == ErrorCode.ARTIFACT_DIGEST_MISMATCH) {
        forget(order.signature());
      }
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
    if (!manifest.model().equals(order.version())) {
      throw new UpdateException(
          ErrorCode.ARTIFACT_MALFORMED,
          "artifact %s is %s, ordered was %s"
              .formatted(order.manifest(), manifest.model(), order.version()));
    }
    ProfileMatch match = profile(manifest).match(facts);
    if (!match.matches()) {
      throw new UpdateException(
          ErrorCode.PROFILE_UNSUPPORTED,
          "%s is built for profile %s; this device does not fit: %s"
              .formatted(manifest.model(), manifest.profile(), match.reason()));
    }
    return manifest;
  }

  private HardwareProfile profile(ArtifactManifest manifest) throws UpdateException {
    return profiles
        .profile(manifest.profile().value())
        .orElseThrow(
            () ->
                new UpdateException(
                    ErrorCode.PROFILE_UNSUPPORTED,
                    "%s is built for profile %s, which this agent does not know"
                        .formatted(manifest.model(), manifest.profile())));
  }

  /** What to count about an order whose artifact is here. */
  MonitoringPlan plan(DesiredSlot order) throws UpdateException {
    try {
      return plan(checkedManifest(order, reader));
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  private MonitoringPlan plan(ArtifactManifest manifest) throws UpdateException {
    Optional<Layer> layer = manifest.layer(LayerType.MONITORING);
    if (layer.isEmpty()) {
      return MonitoringPlan.latencyOnly();
    }
    try {
      return MonitoringPlan.parse(reader.read(layer.get()));
    } catch (MalformedDocumentException e) {
      throw new UpdateException(ErrorCode.ARTIFACT_MALFORMED, String.valueOf(e.getMessage()), e);
    }
  }

  /** Loads the model and runs its golden inputs; the caller closes what is returned. */
  PreparedModel load(DesiredSlot order) throws UpdateException {
    ArtifactManifest manifest = checkedManifest(order, reader);
    verify(manifest);
    HardwareProfile profile = profile(manifest);
    LoadOptions options =
        new LoadOptions(
            Math.clamp(threadsMax, 1, Math.max(1, profile.threads())),
            manifest.engine() == Engine.ONNXRUNTIME ? profile.executionProviders() : List.of());
    LoadedModel model;
    try {
      model =
          engines.load(
              manifest.engine().text(), blobs.file(manifest.modelLayer().digest()), options);
    } catch (EngineException e) {
      throw new UpdateException(
          e.reason() == EngineException.Reason.ENGINE_UNAVAILABLE
              ? ErrorCode.ENGINE_UNAVAILABLE
              : ErrorCode.MODEL_LOAD_FAILED,
          "%s cannot be loaded: %s".formatted(manifest.model(), e.getMessage()),
          e);
    }
    boolean accepted = false;
    try {
      runGolden(manifest, model);
      PreparedModel prepared =
          new PreparedModel(
              order,
              new ModelRef(order.slot(), order.version(), order.manifest()),
              model,
              plan(manifest));
      accepted = true;
      return prepared;
    } finally {
      if (!accepted) {
        model.close();
      }
    }
  }

  private void runGolden(ArtifactManifest manifest, LoadedModel model) throws UpdateException {
    GoldenSet golden;
    try {
      golden =
          reader
              .golden(manifest)
              .orElseThrow(
                  () ->
                      new UpdateException(
                          ErrorCode.ARTIFACT_MALFORMED,
                          "%s has no golden inputs".formatted(manifest.model())));
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
    int number = 0;
    for (GoldenCase example : golden.cases()) {
      number++;
      Optional<String> difference = difference(example, golden, model);
      if (difference.isPresent()) {
        throw new UpdateException(
            ErrorCode.GOLDEN_MISMATCH,
            "%s fails golden input %d: %s".formatted(manifest.model(), number, difference.get()));
      }
    }
  }

  private static Optional<String> difference(
      GoldenCase example, GoldenSet golden, LoadedModel model) throws UpdateException {
    try {
      for (Tensor output : model.run(inputs(example, model))) {
        Optional<String> difference =
            example.difference(
                output.name(), output.type(), output.shape(), output.data(), golden.tolerance());
        if (difference.isPresent()) {
          return difference;
        }
      }
      return Optional.empty();
    } catch (EngineException e) {
      throw new UpdateException(
          ErrorCode.GOLDEN_MISMATCH, "golden inputs cannot be run: " + e.getMessage(), e);
    }
  }

  private static List<Tensor> inputs(GoldenCase example, LoadedModel model) throws UpdateException {
    List<Tensor> inputs = new ArrayList<>();
    for (TensorSpec spec : model.signature().inputs()) {
      GoldenTensor golden =
          example.inputs().stream()
              .filter(tensor -> tensor.name().equals(spec.name()))
              .findFirst()
              .orElseThrow(
                  () ->
                      new UpdateException(
                          ErrorCode.GOLDEN_MISMATCH,
                          "golden inputs have no '%s'".formatted(spec.name())));
      ByteBuffer direct = ByteBuffer.allocateDirect(golden.data().remaining());
      direct.put(golden.data()).flip().order(ByteOrder.LITTLE_ENDIAN);
      inputs.add(new Tensor(golden.name(), golden.type(), golden.shape(), direct));
    }
    return inputs;
  }

  /** Deletes what belongs to none of these orders. */
  void keepOnly(List<DesiredSlot> orders) throws IOException {
    Set<Digest> wanted = new HashSet<>();
    for (DesiredSlot order : orders) {
      wanted.add(order.signature());
      wanted.addAll(layers(order));
    }
    blobs.keepOnly(wanted);
  }

  private List<Digest> layers(DesiredSlot order) {
    try {
      return reader.manifest(order.manifest(), order.signature()).layers().stream()
          .map(Layer::digest)
          .toList();
    } catch (ArtifactException e) {
      // An order whose envelope is not here has no layers here that only it needs.
      return List.of();
    }
  }
}
