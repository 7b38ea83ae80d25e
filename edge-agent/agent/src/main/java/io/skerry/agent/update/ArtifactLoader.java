package io.skerry.agent.update;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelRef;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ArtifactReader;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ReleaseCheck;
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
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Fetches, checks and loads artifacts. Blocks; thread-safe. */
final class ArtifactLoader {
  private static final Logger log = LoggerFactory.getLogger(ArtifactLoader.class);

  // What a process takes is measured for one model at a time: other loads would count as its own.
  private static final Semaphore MEASURING = new Semaphore(1);
  private static final Duration MEASURING_PATIENCE = Duration.ofMinutes(1);

  private final BlobFolder blobs;
  private final BlobDownload download;
  private final DownloadLimits limits;
  // Who released it is asked before a version is begun; what was accepted once runs on, even when
  // its key is rotated away or the floor rises above it.
  private final ArtifactReader candidates;
  private final ArtifactReader reader;
  private final Host host;
  private final Acceptance acceptance;

  /**
   * What this device is, and runs models with.
   *
   * @param threadsMax threads that one model may use, whatever its profile says
   * @param compiled folder for what engines compile for this machine
   */
  record Host(
      HardwareFacts facts,
      ProfileCatalog profiles,
      EngineCatalog engines,
      int threadsMax,
      MemoryMeter memory,
      Path compiled) {}

  ArtifactLoader(
      BlobFolder blobs,
      BlobDownload download,
      DownloadLimits limits,
      Supplier<Trust> trust,
      Host host,
      LongSupplier nanoTime) {
    this.blobs = blobs;
    this.download = download;
    this.limits = limits;
    this.candidates = new ArtifactReader(blobs, envelope -> trust.get().released(envelope));
    this.reader = new ArtifactReader(blobs, ReleaseCheck.acceptedBefore());
    this.host = host;
    this.acceptance = new Acceptance(nanoTime);
  }

  /** Fetches what is missing; refuses before the model travels what can be refused by then. */
  void download(DesiredSlot order, DownloadMeter meter) throws UpdateException {
    download(order, candidates, meter);
  }

  /** The most that fetching may take before the manifest says how much there is. */
  long budgetToBegin() {
    return (long) limits.sizeFactor() * DsseEnvelope.JSON_BYTES_MAX;
  }

  private void download(DesiredSlot order, ArtifactReader reader, DownloadMeter meter)
      throws UpdateException {
    try {
      download.fetch(order.artifactBase(), order.signature(), DsseEnvelope.JSON_BYTES_MAX, meter);
      ArtifactManifest manifest = checkedManifest(order, reader);
      meter.allow(limits.sizeFactor() * (DsseEnvelope.JSON_BYTES_MAX + manifest.layerBytes()));
      reserve(manifest);
      for (Layer layer : manifest.layers()) {
        download.fetch(order.artifactBase(), layer, meter);
      }
    } finally {
      meter.tell();
    }
  }

  private void reserve(ArtifactManifest manifest) throws UpdateException {
    try {
      long needed = 0;
      for (Layer layer : manifest.layers()) {
        if (!blobs.has(layer.digest())) {
          needed += Math.max(0, layer.size() - blobs.partBytes(layer.digest()));
        }
      }
      long usable = blobs.usableBytes();
      if (needed > 0 && needed + limits.reserveBytes() > usable) {
        throw new UpdateException(
            ErrorCode.STORAGE_FULL,
            "%s needs %d bytes of disk and %d must stay free; %d are available"
                .formatted(manifest.model(), needed, limits.reserveBytes(), usable));
      }
    } catch (IOException e) {
      throw new UpdateException(
          ErrorCode.STORAGE_FAILED, "disk cannot be asked for its room: " + e.getMessage(), e);
    }
  }

  /** Fetches a version again that was accepted before, and loads it. */
  PreparedModel repair(DesiredSlot proven, DownloadMeter meter) throws UpdateException {
    try {
      return loadKnown(proven);
    } catch (UpdateException e) {
      // What is damaged was deleted by the check: only that is fetched.
      download(proven, reader, meter);
      return loadKnown(proven);
    }
  }

  /** Reads every byte back and checks it; what is not what it must be is deleted. */
  void verify(DesiredSlot order) throws UpdateException {
    verify(checkedManifest(order, candidates));
  }

  private void verify(ArtifactManifest manifest) throws UpdateException {
    for (Layer layer : manifest.layers()) {
      verify(layer);
    }
    try {
      plan(manifest);
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  private void verify(Layer layer) throws UpdateException {
    try {
      reader.verify(layer);
    } catch (ArtifactException e) {
      forgetDamaged(layer.digest(), e);
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  /** Only what is proven to be damaged goes: a disk that cannot be read now may be read later. */
  private void forgetDamaged(Digest digest, ArtifactException fault) {
    if (fault.code() != ErrorCode.ARTIFACT_DIGEST_MISMATCH) {
      return;
    }
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
      forgetDamaged(order.signature(), e);
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
    if (!manifest.model().equals(order.version())) {
      throw new UpdateException(
          ErrorCode.ARTIFACT_MALFORMED,
          "artifact %s is %s, ordered was %s"
              .formatted(order.manifest(), manifest.model(), order.version()));
    }
    ProfileMatch match = profile(manifest).match(host.facts());
    if (!match.matches()) {
      throw new UpdateException(
          ErrorCode.PROFILE_UNSUPPORTED,
          "%s is built for profile %s; this device does not fit: %s"
              .formatted(manifest.model(), manifest.profile(), match.reason()));
    }
    return manifest;
  }

  private HardwareProfile profile(ArtifactManifest manifest) throws UpdateException {
    return host.profiles()
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

  /**
   * Loads a version that was accepted before; the caller closes what is returned. Without its
   * golden inputs or its monitoring plan it runs all the same: it had them when it was accepted.
   */
  PreparedModel loadKnown(DesiredSlot order) throws UpdateException {
    ArtifactManifest manifest = checkedManifest(order, reader);
    verify(manifest.modelLayer());
    LoadedModel model = loaded(manifest);
    boolean accepted = false;
    try {
      Optional<GoldenSet> golden = ifReadable(order, () -> golden(manifest));
      if (golden.isPresent()) {
        Acceptance.checkGolden(manifest.model(), model, golden.get());
      }
      accepted = true;
    } finally {
      if (!accepted) {
        model.close();
      }
    }
    return new PreparedModel(
        order,
        ref(order),
        model,
        ifReadable(order, () -> plan(manifest)).orElseGet(MonitoringPlan::latencyOnly),
        ifReadable(order, () -> labels(manifest)).orElseGet(List::of));
  }

  private static ModelRef ref(DesiredSlot order) {
    return new ModelRef(order.slot(), order.version(), order.manifest());
  }

  private interface Part<T> {
    T read() throws UpdateException;
  }

  private static <T> Optional<T> ifReadable(DesiredSlot order, Part<T> part) {
    try {
      return Optional.of(part.read());
    } catch (UpdateException | ArtifactException e) {
      log.atWarn()
          .addKeyValue("slot", order.slot())
          .addKeyValue("version", order.version())
          .setCause(e)
          .log("part of a proven version cannot be read");
      return Optional.empty();
    }
  }

  /** Loads a new version and runs its acceptance test; the caller closes what is returned. */
  PreparedModel load(DesiredSlot order) throws UpdateException {
    ArtifactManifest manifest = checkedManifest(order, reader);
    verify(manifest);
    HardwareProfile profile = profile(manifest);
    GoldenSet golden = golden(manifest);
    refuseLarger(manifest, profile);
    LoadedModel model = measured(manifest, profile, golden);
    boolean accepted = false;
    try {
      acceptance.checkLatency(manifest.model(), model, golden, profile);
      accepted = true;
    } finally {
      if (!accepted) {
        model.close();
      }
    }
    return prepared(order, manifest, model);
  }

  /** A model takes at least its own bytes: asking an engine for more than there is may end it. */
  private void refuseLarger(ArtifactManifest manifest, HardwareProfile profile)
      throws UpdateException {
    long bytes = manifest.modelLayer().size();
    OptionalLong available = host.memory().available();
    if (bytes > profile.memoryBudgetBytes()) {
      throw tooLarge(manifest, profile, "its file alone has %d bytes".formatted(bytes));
    }
    if (available.isPresent() && bytes > available.getAsLong()) {
      throw tooLarge(
          manifest,
          profile,
          "its file has %d bytes, and this device has %d left"
              .formatted(bytes, available.getAsLong()));
    }
  }

  private static UpdateException tooLarge(
      ArtifactManifest manifest, HardwareProfile profile, String fault) {
    return new UpdateException(
        ErrorCode.ACCEPTANCE_MEMORY,
        "%s takes too much memory: %s; profile %s allows %d"
            .formatted(manifest.model(), fault, profile.id(), profile.memoryBudgetBytes()));
  }

  /**
   * Loads a model and gives the golden inputs to it, and refuses it when this process grew by more
   * than the profile allows. Other work in this process only ever adds to that, so the smaller of
   * two measurements counts.
   */
  private LoadedModel measured(ArtifactManifest manifest, HardwareProfile profile, GoldenSet golden)
      throws UpdateException {
    boolean measuring = false;
    try {
      measuring = MEASURING.tryAcquire(MEASURING_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
      long grown = Long.MAX_VALUE;
      for (int i = 0; i < 2; i++) {
        OptionalLong before = host.memory().resident();
        LoadedModel model = loaded(manifest);
        boolean fits = false;
        try {
          Acceptance.checkGolden(manifest.model(), model, golden);
          OptionalLong after = host.memory().resident();
          grown =
              measuring && before.isPresent() && after.isPresent()
                  ? Math.min(grown, after.getAsLong() - before.getAsLong())
                  : 0;
          fits = grown <= profile.memoryBudgetBytes();
        } finally {
          if (!fits) {
            model.close();
          }
        }
        if (fits) {
          return model;
        }
      }
      throw tooLarge(manifest, profile, "the process grew by %d bytes".formatted(grown));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UpdateException(ErrorCode.SUPERSEDED, "interrupted", e);
    } finally {
      if (measuring) {
        MEASURING.release();
      }
    }
  }

  private LoadedModel loaded(ArtifactManifest manifest) throws UpdateException {
    HardwareProfile profile = profile(manifest);
    LoadOptions options = options(manifest, profile);
    try {
      return host.engines()
          .load(manifest.engine().text(), blobs.file(manifest.modelLayer().digest()), options);
    } catch (EngineException e) {
      throw new UpdateException(
          switch (e.reason()) {
            case ENGINE_UNAVAILABLE -> ErrorCode.ENGINE_UNAVAILABLE;
            case OUT_OF_MEMORY -> ErrorCode.ACCEPTANCE_MEMORY;
            case MODEL_INVALID, INPUT_INVALID, RUN_FAILED, STOPPED -> ErrorCode.MODEL_LOAD_FAILED;
          },
          "%s cannot be loaded: %s".formatted(manifest.model(), e.getMessage()),
          e);
    }
  }

  private LoadOptions options(ArtifactManifest manifest, HardwareProfile profile) {
    Map<String, Path> libraries = new HashMap<>();
    profile.engine().libraries().forEach((name, file) -> libraries.put(name, Path.of(file)));
    return new LoadOptions(
        Math.clamp(host.threadsMax(), 1, Math.max(1, profile.threads())),
        manifest.engine() == Engine.ONNXRUNTIME ? profile.executionProviders() : List.of(),
        profile.engine().acceleratorOnly(),
        profile.engine().memoryArena(),
        libraries,
        Optional.of(host.compiled()));
  }

  private PreparedModel prepared(DesiredSlot order, ArtifactManifest manifest, LoadedModel model)
      throws UpdateException {
    boolean whole = false;
    try {
      PreparedModel prepared =
          new PreparedModel(
              order,
              ref(order),
              model,
              plan(manifest),
              ifReadable(order, () -> labels(manifest)).orElseGet(List::of));
      whole = true;
      return prepared;
    } finally {
      if (!whole) {
        model.close();
      }
    }
  }

  private List<String> labels(ArtifactManifest manifest) throws UpdateException {
    try {
      return reader.labels(manifest);
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  /** Where the model's file of a version lies that is here; empty when it has gone. */
  Optional<Path> file(Digest manifest) {
    try {
      Layer model = ArtifactManifest.parse(Files.readAllBytes(blobs.file(manifest))).modelLayer();
      return Optional.of(blobs.file(model.digest()));
    } catch (IOException | ArtifactException gone) {
      return Optional.empty();
    }
  }

  private GoldenSet golden(ArtifactManifest manifest) throws UpdateException {
    try {
      return reader
          .golden(manifest)
          .orElseThrow(
              () ->
                  new UpdateException(
                      ErrorCode.ARTIFACT_MALFORMED,
                      "%s has no golden inputs".formatted(manifest.model())));
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
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
