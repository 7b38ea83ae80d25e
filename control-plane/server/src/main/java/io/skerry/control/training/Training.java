package io.skerry.control.training;

import com.google.gson.JsonParseException;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Run;
import io.skerry.api.RunMetrics;
import io.skerry.api.WorkState;
import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobFolder;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.dataset.Datasets;
import io.skerry.control.dataset.Examples;
import io.skerry.control.dataset.Snapshot;
import io.skerry.control.job.JobEnded;
import io.skerry.control.job.JobLimits;
import io.skerry.control.job.JobProgram;
import io.skerry.control.job.JobRequest;
import io.skerry.control.job.JobView;
import io.skerry.control.job.Jobs;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts runs and keeps what came of them. Thread-safe. */
@Singleton
public final class Training {
  private static final Logger log = LoggerFactory.getLogger(Training.class);
  private static final String KIND = "train";
  private static final JobLimits LIMITS = new JobLimits(1_536, 6L << 30, Duration.ofMinutes(30));
  private static final double THRESHOLD = 0.5;

  private final Database database;
  private final Datasets datasets;
  private final Jobs jobs;
  private final AuditLog audit;
  private final ApplicationEventPublisher<RunSucceeded> succeeded;
  private final ApplicationEventPublisher<RunEnded> ended;
  private final Clock clock = Clock.systemUTC();

  Training(
      Database database,
      Datasets datasets,
      Jobs jobs,
      AuditLog audit,
      ApplicationEventPublisher<RunSucceeded> succeeded,
      ApplicationEventPublisher<RunEnded> ended) {
    this.database = database;
    this.datasets = datasets;
    this.jobs = jobs;
    this.audit = audit;
    this.succeeded = succeeded;
    this.ended = ended;
  }

  /**
   * Queues a run.
   *
   * @throws ProblemException if its snapshot does not exist or has too short examples, or its plan
   *     is out of range
   */
  public Run start(Actor actor, RunPlan plan) {
    if (plan.epochs() < 1 || plan.epochs() > RunPlan.EPOCHS_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "epochs %d is not between 1 and %d".formatted(plan.epochs(), RunPlan.EPOCHS_MAX));
    }
    Snapshot snapshot = datasets.snapshot(plan.snapshot());
    if (snapshot.window() < RunPlan.WINDOW_MIN) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          ("snapshot '%s' has examples of %d cycles, the network needs at least %d: store the data"
                  + " as another batch with window=%d or more")
              .formatted(
                  plan.snapshot(), snapshot.window(), RunPlan.WINDOW_MIN, RunPlan.WINDOW_MIN));
    }
    ModelVersion version =
        database.call(transaction -> VersionNumbers.next(transaction, plan.model()));
    String job =
        jobs.submit(
            new JobRequest(
                KIND,
                version.toString(),
                program(),
                LIMITS,
                folder -> prepare(folder, plan, snapshot, version),
                (transaction, queued) -> {
                  String id = runOf(queued);
                  RunStore.insert(transaction, id, queued, plan, version, now());
                  audit.append(
                      transaction,
                      actor,
                      AuditLog.Act.of("run.started", "run/" + id, "model " + version));
                }));
    return run(runOf(job));
  }

  /**
   * The run of this id.
   *
   * @throws ProblemException if there is none
   */
  public Run run(String id) {
    return database
        .call(transaction -> RunStore.find(transaction, id))
        .orElseThrow(
            () ->
                new ProblemException(ErrorCode.NOT_FOUND, "run '%s' does not exist".formatted(id)));
  }

  /** The newest runs, newest first. */
  public List<Run> runs() {
    return database.call(RunStore::newest);
  }

  @EventListener
  void onJobEnded(JobEnded event) {
    JobView job = event.job();
    if (!job.kind().equals(KIND)) {
      return;
    }
    database
        .call(transaction -> RunStore.ofJob(transaction, job.id()))
        .ifPresent(run -> close(run, job));
  }

  private void close(Run run, JobView job) {
    if (run.state().isTerminal()) {
      // Told again: somebody has not taken it in.
      ended.publishEvent(new RunEnded(run));
      return;
    }
    switch (job.state()) {
      case SUCCEEDED -> succeed(run, job.folder());
      case FAILED -> end(run, WorkState.FAILED, job.error());
      case CANCELLED -> end(run, WorkState.CANCELLED, null);
      case QUEUED, RUNNING ->
          throw new IllegalStateException("job %s has not ended".formatted(job.id()));
    }
  }

  private void succeed(Run run, Path folder) {
    try {
      Path output = JobFolder.at(folder).output();
      String json = Files.readString(output.resolve("metrics.json"));
      RunMetrics metrics = RunStore.metrics(json);
      long version = database.call(transaction -> RunStore.version(transaction, run.id()));
      succeeded.publishEvent(
          new RunSucceeded(
              run.id(),
              new ModelVersion(new ModelName(run.model()), version),
              run.snapshot(),
              output.resolve("model.onnx"),
              metrics));
      boolean stored =
          database.call(transaction -> RunStore.succeeded(transaction, run.id(), json, now()));
      if (stored) {
        ended.publishEvent(new RunEnded(run(run.id())));
      }
    } catch (IOException | JsonParseException e) {
      end(
          run,
          WorkState.FAILED,
          new JobError(ErrorCode.RUN_FAILED.name(), "its result is unreadable: " + e.getMessage()));
    } catch (ProblemException e) {
      end(run, WorkState.FAILED, new JobError(e.code().name(), String.valueOf(e.getMessage())));
    } catch (RuntimeException e) {
      if (e instanceof DatabaseException refused && refused.isAway()) {
        // The end of the job is told again: a model is not lost with a moment.
        throw e;
      }
      log.atError().addKeyValue("run", run.id()).setCause(e).log("model could not be kept");
      end(
          run,
          WorkState.FAILED,
          new JobError(
              ErrorCode.INTERNAL.name(), "its model could not be kept: " + e.getMessage()));
    }
  }

  private void end(Run run, WorkState state, @Nullable JobError error) {
    boolean stored =
        database.call(transaction -> RunStore.ended(transaction, run.id(), state, error, now()));
    if (stored) {
      ended.publishEvent(new RunEnded(run(run.id())));
    }
  }

  private void prepare(Path folder, RunPlan plan, Snapshot snapshot, ModelVersion version)
      throws IOException {
    Map<String, Object> job = new LinkedHashMap<>();
    job.put("kind", KIND);
    job.put("model", version.model().value());
    job.put("version", version.version());
    job.put("seed", plan.seed());
    job.put("epochs", plan.epochs());
    job.put("threshold", THRESHOLD);
    job.put("features", snapshot.features());
    job.put("window", snapshot.window());
    job.put("classes", snapshot.classes());
    RunPlan.Challenge challenge = plan.challenge();
    if (challenge != null) {
      job.put("slice", challenge.slice());
    }
    JobFolder prepared = JobFolder.create(folder, job);
    Examples examples = datasets.examples(snapshot);
    examples.inputs().write(prepared.input("x.npy"));
    examples.labels().write(prepared.input("y.npy"));
    examples.splits().write(prepared.input("split.npy"));
    if (challenge != null) {
      examples.slices().write(prepared.input("slice.npy"));
      Path champion = Files.createDirectories(prepared.input("champion"));
      Files.copy(challenge.modelFile(), champion.resolve("champion.onnx"));
    }
  }

  private static String runOf(String job) {
    return job.replaceFirst("^train-", "run-");
  }

  private static JobProgram program() {
    try {
      return JobProgram.ofModule(
          JobProgram.home(), "control-plane/training", "io.skerry.training.Main");
    } catch (IOException e) {
      throw new ProblemException(
          ErrorCode.UNAVAILABLE, "training cannot start: " + e.getMessage(), e);
    }
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
