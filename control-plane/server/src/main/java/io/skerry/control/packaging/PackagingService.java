package io.skerry.control.packaging;

import com.google.gson.JsonParseException;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Judging;
import io.skerry.api.ModelVersionView;
import io.skerry.api.Packaging;
import io.skerry.api.Variant;
import io.skerry.api.VariantState;
import io.skerry.api.WorkState;
import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.device.Profiles;
import io.skerry.control.job.JobEnded;
import io.skerry.control.job.JobLimits;
import io.skerry.control.job.JobProgram;
import io.skerry.control.job.JobRequest;
import io.skerry.control.job.JobView;
import io.skerry.control.job.Jobs;
import io.skerry.control.registry.Registry;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Packages versions for hardware profiles and keeps what came of it. Thread-safe. */
@Singleton
public final class PackagingService {
  private static final Logger log = LoggerFactory.getLogger(PackagingService.class);
  private static final String KIND = "package";
  private static final JobLimits LIMITS = new JobLimits(1_536, 6L << 30, Duration.ofMinutes(30));
  private static final JobLimits EMULATING = new JobLimits(1_536, 6L << 30, Duration.ofHours(6));

  private final Database database;
  private final Registry registry;
  private final ArtifactStore artifacts;
  private final PackagingInput input;
  private final KeptCandidates candidates;
  private final Profiles profiles;
  private final Jobs jobs;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();

  PackagingService(
      Database database,
      Registry registry,
      ArtifactStore artifacts,
      PackagingInput input,
      KeptCandidates candidates,
      Profiles profiles,
      Jobs jobs,
      AuditLog audit) {
    this.database = database;
    this.registry = registry;
    this.artifacts = artifacts;
    this.input = input;
    this.candidates = candidates;
    this.profiles = profiles;
    this.jobs = jobs;
    this.audit = audit;
  }

  /**
   * Queues the packaging of a version. While one of it is open, that one is returned. Variants that
   * root does not delegate to this server come out unsigned and await the release key's signature.
   *
   * @param asked hardware profiles; empty for those of the enrolled devices that the catalogue has,
   *     or, while there is none, all of the catalogue that run on a processor
   * @param askedItems evaluation items that run under emulation where this machine lacks a
   *     profile's instructions, 0 for none; absent for as many as last time, however that ended, or
   *     a form that lost its accuracy there would be chosen unseen
   * @param judging how variants are judged this time; {@link Judging#BY_DATA} for as its import
   *     said
   * @throws ProblemException if the version or a profile is unknown
   */
  public Packaging start(
      Actor actor,
      ModelVersion version,
      List<String> asked,
      @Nullable Integer askedItems,
      Judging judging) {
    ModelVersionView view = registry.version(version);
    Choice choice = choice(asked);
    List<String> chosen = choice.profiles();
    Optional<Packaging> open = newest(version).filter(packaging -> !packaging.state().isTerminal());
    if (open.isPresent()) {
      return open.get();
    }
    JobProgram program = program();
    int emulatedItems = emulatedItems(version, chosen, askedItems);
    long releaseCounter = database.call(PackagingStore::nextReleaseCounter);
    jobs.submit(
        new JobRequest(
            KIND,
            version.toString(),
            program,
            emulatedItems > 0 ? EMULATING : LIMITS,
            folder -> input.write(folder, view, chosen, releaseCounter, emulatedItems, judging),
            (transaction, job) -> {
              PackagingStore.insert(
                  transaction, job, version, choice, releaseCounter, emulatedItems, now());
              audit.append(
                  transaction,
                  actor,
                  AuditLog.Act.of(
                      "packaging.started", "model/" + version, String.join(", ", chosen)));
            }));
    return packaging(version);
  }

  /** What a packaging of these profiles runs under emulation. */
  int emulatedItems(ModelVersion version, List<String> chosen, @Nullable Integer asked) {
    return asked != null
        ? asked
        : database.call(transaction -> PackagingStore.emulatedItems(transaction, version, chosen));
  }

  /**
   * Checks that a packaging could start now.
   *
   * @param asked as {@link #start} takes them
   * @throws ProblemException if a profile is unknown, the packager is not there or too many wait
   */
  void checkStart(List<String> asked) {
    choice(asked);
    program();
    jobs.checkRoom(KIND);
  }

  /**
   * The newest packaging of a version, with all variants that the version has.
   *
   * @throws ProblemException if it was never packaged
   */
  public Packaging packaging(ModelVersion version) {
    return newest(version)
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND,
                    "model version '%s' was never packaged: create its variants first"
                        .formatted(version)));
  }

  /**
   * Stops the open packaging of a version; nothing of it is kept but what it saw lose under
   * emulation. One that has ended stays as it is.
   *
   * @throws ProblemException if it was never packaged
   */
  public Packaging cancel(Actor actor, ModelVersion version) {
    Packaging newest = packaging(version);
    Optional<String> job =
        database.call(
            transaction -> {
              Optional<String> open = PackagingStore.openJob(transaction, version);
              open.ifPresent(
                  id ->
                      audit.append(
                          transaction,
                          actor,
                          AuditLog.Act.of("packaging.cancelled", "model/" + version, id)));
              return open;
            });
    if (job.isEmpty()) {
      return newest;
    }
    jobs.cancel(job.get());
    return packaging(version);
  }

  /** Packagings that wait or run, oldest first. */
  public List<Packaging> open() {
    return database.call(PackagingStore::open);
  }

  @EventListener
  void onJobEnded(JobEnded event) {
    JobView job = event.job();
    if (!job.kind().equals(KIND)) {
      return;
    }
    database
        .call(transaction -> PackagingStore.openOf(transaction, job.id()))
        .ifPresent(version -> close(job, version));
  }

  private void close(JobView job, ModelVersion version) {
    switch (job.state()) {
      case SUCCEEDED -> keep(job, version);
      case FAILED -> {
        EmulatedLosses.keepUnfinished(database, job, version, now());
        end(job, WorkState.FAILED, job.error());
      }
      case CANCELLED -> {
        EmulatedLosses.keepUnfinished(database, job, version, now());
        end(job, WorkState.CANCELLED, null);
      }
      case QUEUED, RUNNING ->
          throw new IllegalStateException("job %s has not ended".formatted(job.id()));
    }
  }

  private void keep(JobView job, ModelVersion version) {
    try {
      Path output = JobFolder.at(job.folder()).output();
      PackagerReport report = PackagerReport.parse(Files.readString(output.resolve("report.json")));
      List<Variant> variants = variants(output, report);
      database.run(
          transaction -> {
            registry.putVariants(transaction, version, variants);
            EmulatedLosses.keep(transaction, version, report, now());
            PackagingStore.succeeded(transaction, job.id(), report.refusal());
          });
      candidates.keep(version, report.profiles(), output.resolve("candidates"));
    } catch (IOException | JsonParseException e) {
      end(
          job,
          WorkState.FAILED,
          new JobError(
              ErrorCode.PACKAGING_FAILED.name(), "its result is unreadable: " + e.getMessage()));
    } catch (ProblemException e) {
      end(job, WorkState.FAILED, new JobError(e.code().name(), String.valueOf(e.getMessage())));
    } catch (RuntimeException e) {
      if (e instanceof DatabaseException refused && refused.isAway()) {
        // The end of the job is told again: its variants are not lost with a moment.
        throw e;
      }
      log.atError().addKeyValue("job", job.id()).setCause(e).log("variants could not be kept");
      end(
          job,
          WorkState.FAILED,
          new JobError(
              ErrorCode.INTERNAL.name(), "its variants could not be kept: " + e.getMessage()));
    }
  }

  private List<Variant> variants(Path output, PackagerReport report) {
    List<Variant> variants = new ArrayList<>();
    for (PackagerReport.Told told : report.variants()) {
      variants.add(
          told.winner()
              ? imported(output, report, told)
              : report.kept(told, VariantState.NOT_CHOSEN, null, null));
    }
    return variants;
  }

  private Variant imported(Path output, PackagerReport report, PackagerReport.Told winner) {
    ArtifactStore.Imported layout = artifacts.importLayout(output.resolve(winner.profile()));
    return isSigned(layout)
        ? report.kept(winner, VariantState.RELEASED, layout.model(), layout.signature())
        : report.kept(winner, VariantState.AWAITING_SIGNATURE, layout.model(), null);
  }

  private boolean isSigned(ArtifactStore.Imported layout) {
    try {
      return !DsseEnvelope.parseJson(
              artifacts.bytes(layout.signature(), DsseEnvelope.JSON_BYTES_MAX))
          .signatures()
          .isEmpty();
    } catch (SignatureInvalidException e) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID,
          "signature %s: %s".formatted(layout.signature(), e.getMessage()),
          e);
    }
  }

  private void end(JobView job, WorkState state, @Nullable JobError error) {
    database.run(transaction -> PackagingStore.ended(transaction, job.id(), state, error));
  }

  /**
   * The newest packaging of a version, as {@link #packaging} tells it; empty when there is none.
   */
  public Optional<Packaging> newest(ModelVersion version) {
    return database
        .call(transaction -> PackagingStore.newest(transaction, version))
        .map(
            packaging ->
                new Packaging(
                    packaging.model(),
                    packaging.version(),
                    packaging.state(),
                    packaging.profiles(),
                    packaging.progress(),
                    registry.version(version).variants(),
                    packaging.error()));
  }

  /**
   * Profiles to package for.
   *
   * @param unknown profiles of enrolled devices that the catalogue lacks: for them nothing can be
   *     packaged, but they must not keep the others from getting theirs
   */
  record Choice(List<String> profiles, List<String> unknown) {
    Choice {
      profiles = List.copyOf(profiles);
      unknown = List.copyOf(unknown);
    }

    /** What is told of those that get nothing. */
    Optional<JobError> leftOut() {
      return unknown.isEmpty()
          ? Optional.empty()
          : Optional.of(
              new JobError(
                  ErrorCode.PROFILE_UNSUPPORTED.name(),
                  "devices are of profiles %s, which the catalogue lacks: start the server with --profiles DIR that has them"
                      .formatted(unknown)));
    }
  }

  Choice choice(List<String> asked) {
    if (asked.isEmpty()) {
      return inUse();
    }
    List<String> chosen = asked.stream().distinct().sorted().toList();
    for (String profile : chosen) {
      if (!isKnown(profile)) {
        throw new ProblemException(ErrorCode.REQUEST_INVALID, profiles.unknown(profile));
      }
    }
    return new Choice(chosen, List.of());
  }

  private boolean isKnown(String profile) {
    return profiles.catalog().profile(profile).isPresent();
  }

  /**
   * Those of the enrolled devices, but of those whose certificates are all revoked, which get
   * nothing; without any, all that need nothing but a processor.
   */
  private Choice inUse() {
    List<String> enrolled =
        database.call(
            transaction ->
                transaction.list(
                    """
                    select distinct profile from device
                    where profile is not null and coalesce((
                      select bool_or(certificate.revoked_at is null)
                      from device_certificate certificate
                      where certificate.tenant = device.tenant
                        and certificate.device = device.id), true)
                    order by profile limit 200
                    """,
                    row -> row.text("profile")));
    List<String> known = enrolled.stream().filter(this::isKnown).toList();
    List<String> unknown = enrolled.stream().filter(profile -> !isKnown(profile)).toList();
    return new Choice(
        known.isEmpty()
            ? profiles.catalog().profiles().stream()
                .filter(profile -> profile.executionProviders().equals(List.of("cpu")))
                .map(profile -> profile.id())
                .sorted()
                .toList()
            : known,
        unknown);
  }

  private static JobProgram program() {
    try {
      return JobProgram.ofModule(
          JobProgram.home(), "model-packager/pipeline", "io.skerry.packager.Main");
    } catch (IOException e) {
      throw new ProblemException(
          ErrorCode.UNAVAILABLE, "packaging cannot start: " + e.getMessage(), e);
    }
  }

  /** {@code name} and {@code version} as one typed id. */
  static ModelVersion version(String model, long version) {
    try {
      return new ModelVersion(new ModelName(model), version);
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
