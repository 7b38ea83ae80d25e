package io.skerry.agent.update;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelRef;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.runtime.LoadedModel;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Fetches, checks and loads artifacts. Blocks; thread-safe. */
final class ArtifactLoader {
  private static final Logger log = LoggerFactory.getLogger(ArtifactLoader.class);

  private final ArtifactFiles files;
  private final ArtifactDownload download;
  private final MeasuredLoad loads;
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
    this.files = new ArtifactFiles(blobs, trust, host.facts(), host.profiles());
    this.download = new ArtifactDownload(files, blobs, download, limits);
    this.loads = new MeasuredLoad(files, host);
    this.acceptance = new Acceptance(nanoTime);
  }

  /** Fetches what is missing; refuses before the model travels what can be refused by then. */
  void download(DesiredSlot order, DownloadMeter meter) throws UpdateException {
    download.candidate(order, meter);
  }

  /** The most that fetching may take before the manifest says how much there is. */
  long budgetToBegin() {
    return download.budgetToBegin();
  }

  /** Fetches a version again that was accepted before, and loads it. */
  PreparedModel repair(DesiredSlot proven, DownloadMeter meter) throws UpdateException {
    try {
      return loadKnown(proven);
    } catch (UpdateException e) {
      // What is damaged was deleted by the check: only that is fetched.
      download.accepted(proven, meter);
      return loadKnown(proven);
    }
  }

  /** Fetches again what is damaged of a version that runs, and tells what to count about it. */
  MonitoringPlan repairPlan(DesiredSlot running, DownloadMeter meter) throws UpdateException {
    try {
      files.forgetDamagedParts(files.accepted(running));
    } catch (UpdateException e) {
      // Its envelope is gone: it is fetched first, and what hangs on it looked at the next time.
    }
    download.accepted(running, meter);
    return plan(running);
  }

  /** Reads every byte back and checks it; what is not what it must be is deleted. */
  void verify(DesiredSlot order) throws UpdateException {
    files.verify(files.candidate(order));
  }

  /** What to count about an order whose artifact is here. */
  MonitoringPlan plan(DesiredSlot order) throws UpdateException {
    return files.plan(files.accepted(order));
  }

  /**
   * Loads a version that was accepted before; the caller closes what is returned. Without its
   * golden inputs or its monitoring plan it runs all the same: it had them when it was accepted.
   */
  PreparedModel loadKnown(DesiredSlot order) throws UpdateException {
    ArtifactManifest manifest = files.accepted(order);
    files.verify(manifest.modelLayer());
    LoadedModel model = loads.loaded(manifest);
    boolean accepted = false;
    try {
      Optional<GoldenSet> golden = ifReadable(order, () -> files.golden(manifest));
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
        ifReadable(order, () -> files.plan(manifest)).orElseGet(MonitoringPlan::unread),
        ifReadable(order, () -> files.labels(manifest)).orElseGet(List::of));
  }

  /**
   * Loads a version and runs its acceptance test; the caller closes what is returned.
   *
   * @param known whether it committed on this device before: a machine that has become slow since
   *     must not keep from going back to it
   */
  PreparedModel load(DesiredSlot order, boolean known) throws UpdateException {
    ArtifactManifest manifest = files.accepted(order);
    files.verify(manifest);
    HardwareProfile profile = files.profile(manifest);
    GoldenSet golden = files.golden(manifest);
    loads.refuseLarger(manifest, profile);
    LoadedModel model = loads.measured(manifest, profile, golden);
    boolean accepted = false;
    try {
      if (!known) {
        acceptance.checkLatency(manifest.model(), model, golden, profile);
      }
      accepted = true;
    } finally {
      if (!accepted) {
        model.close();
      }
    }
    return prepared(order, manifest, model);
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
              files.plan(manifest),
              ifReadable(order, () -> files.labels(manifest)).orElseGet(List::of));
      whole = true;
      return prepared;
    } finally {
      if (!whole) {
        model.close();
      }
    }
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

  /** Where the model's file of a version lies that is here; empty when it has gone. */
  Optional<Path> file(Digest manifest) {
    return files.model(manifest);
  }

  /** Deletes what belongs to none of these orders. */
  void keepOnly(List<DesiredSlot> orders) throws IOException {
    files.keepOnly(orders);
  }
}
