package io.skerry.control.job;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobProgress;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs jobs, one of each kind at a time, and keeps what became of them: state and error in the
 * database, and of the newest {@value #FAILED_FOLDERS_MAX} that failed what their folders say of
 * it. All else in a folder goes when its end is taken in.
 *
 * <p>A job that runs when its server goes away is lost: once that server has not been heard of for
 * {@link JobStore#SERVER_LOST_AFTER}, whoever of the servers on the database sees it first tells it
 * as FAILED, and ends its process where that is on the same machine. The end of a job is told again
 * until its asker has taken it in. Thread-safe.
 */
@Singleton
public final class Jobs {
  /** Jobs of one kind that may wait. */
  public static final int QUEUE_MAX = 64;

  /** Folders of failed jobs that are kept, for people to look into. */
  static final int FAILED_FOLDERS_MAX = 20;

  private static final Logger log = LoggerFactory.getLogger(Jobs.class);
  // Once at the start and once a look later: until then all that an earlier start left has ended.
  private static final int SWEEPS = 2;
  private static final long PAUSE_MILLIS_FIRST = 100;
  private static final long PAUSE_MILLIS_MAX = 5000;

  private final JobStore store;
  private final Database database;
  private final ApplicationEventPublisher<JobEnded> ended;
  private final Clock clock = Clock.systemUTC();
  private final Map<String, ThreadPoolExecutor> lanes = new ConcurrentHashMap<>();
  // Waiting or running here, until the end is stored and told.
  private final Set<String> open = ConcurrentHashMap.newKeySet();
  private final Set<String> telling = ConcurrentHashMap.newKeySet();
  private final Map<String, JobProcess> running = new ConcurrentHashMap<>();
  private volatile @Nullable Loop loop;
  private volatile boolean closing;
  private int sweeps;

  Jobs(Database database, DataFolder data, ApplicationEventPublisher<JobEnded> ended) {
    this.database = database;
    this.store = new JobStore(database, data.child("jobs"));
    this.ended = ended;
    // Before the first job, or another server would take it for a lost one.
    store.open();
  }

  /**
   * Stores a job and queues it.
   *
   * @return its id
   * @throws ProblemException if too many of its kind wait already
   */
  public String submit(JobRequest request) {
    String id = request.kind() + "-" + UUID.randomUUID().toString().substring(0, 13);
    open.add(id);
    try {
      database.run(
          transaction -> {
            store.insert(transaction, id, request, now());
            request.record().accept(transaction, id);
          });
      lane(request.kind()).execute(() -> run(id, request));
    } catch (RejectedExecutionException e) {
      open.remove(id);
      ProblemException full = full(request.kind());
      end(id, JobState.FAILED, new JobError(full.code().name(), String.valueOf(full.getMessage())));
      throw full;
    } catch (RuntimeException | Error e) {
      open.remove(id);
      throw e;
    }
    return id;
  }

  /**
   * Checks that another job of a kind may wait.
   *
   * @throws ProblemException if too many do already
   */
  public void checkRoom(String kind) {
    if (lane(kind).getQueue().remainingCapacity() == 0) {
      throw full(kind);
    }
  }

  private static ProblemException full(String kind) {
    return new ProblemException(
        ErrorCode.UNAVAILABLE,
        "%d jobs of kind '%s' wait already: try again later".formatted(QUEUE_MAX, kind));
  }

  /** The job of this id. */
  public Optional<JobView> find(String id) {
    return store.find(id);
  }

  /** Stops a job that waits or runs; nothing happens when it has ended. */
  public void cancel(String id) {
    JobProcess process = running.get(id);
    if (process != null) {
      process.cancel();
      return;
    }
    end(id, JobState.CANCELLED, null);
    // Its process may have begun since the first look.
    JobProcess late = running.get(id);
    if (late != null) {
      late.cancel();
    } else if (!open.contains(id)) {
      clear(id);
    }
  }

  @EventListener
  void onReady(ServerReady ready) {
    loop = Loop.every("jobs", JobStore.LOOK_EVERY, this::look);
  }

  void look() {
    for (JobStore.OpenJob job : store.open()) {
      if (!job.own() || !open.contains(job.id())) {
        job.kill();
        end(job.id(), JobState.FAILED, lost(job.own()));
      }
    }
    store
        .untold()
        .forEach(
            id -> {
              if (!open.contains(id)) {
                tell(id);
                clear(id);
              }
            });
    if (sweeps < SWEEPS) {
      sweeps++;
      sweep();
    }
  }

  // What jobs of an earlier start left, whose server was killed with them. No other server uses
  // this folder: it is locked.
  private void sweep() {
    folders().forEach(folder -> clear(folder.getFileName().toString()));
    forgetOldFailures();
  }

  private List<Path> folders() {
    try (Stream<Path> folders = Files.list(store.folders())) {
      return folders
          .filter(folder -> !open.contains(folder.getFileName().toString()))
          .sorted(Comparator.comparing(Jobs::changed).reversed())
          .toList();
    } catch (IOException | UncheckedIOException e) {
      log.atWarn().addKeyValue("cause", e.toString()).log("folders of jobs not looked for");
      return List.of();
    }
  }

  private static FileTime changed(Path folder) {
    try {
      return Files.getLastModifiedTime(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Leaves alone what an asker has not taken in: it may need the output.
  private void clear(String id) {
    JobFolder folder = JobFolder.at(store.folder(id));
    try {
      if (!Files.isDirectory(folder.path())) {
        return;
      }
      switch (store.kept(id)) {
        case ALL -> folder.removeTemporary();
        case REASON -> folder.removeWork();
        case NOTHING -> folder.remove();
      }
    } catch (IOException | DatabaseException e) {
      notCleared(folder.path(), e);
    }
  }

  private void forgetOldFailures() {
    List<Path> newestFirst = folders();
    for (Path old :
        newestFirst.subList(Math.min(FAILED_FOLDERS_MAX, newestFirst.size()), newestFirst.size())) {
      try {
        if (store.kept(old.getFileName().toString()) == JobStore.Kept.REASON) {
          JobFolder.at(old).remove();
        }
      } catch (IOException | DatabaseException e) {
        notCleared(old, e);
      }
    }
  }

  // It is tried again with the next start.
  private static void notCleared(Path folder, Exception e) {
    log.atWarn()
        .addKeyValue("folder", folder)
        .addKeyValue("cause", e.toString())
        .log("folder of a job not cleared");
  }

  private static JobError lost(boolean own) {
    return new JobError(
        ErrorCode.RUN_FAILED.name(),
        own
            ? "the end of the job could not be stored: start it again"
            : "the server stopped while the job was open: start it again");
  }

  @PreDestroy
  void close() {
    closing = true;
    Loop looking = loop;
    if (looking != null) {
      looking.close();
    }
    running.values().forEach(JobProcess::cancel);
    lanes.values().forEach(ThreadPoolExecutor::shutdownNow);
  }

  private void run(String id, JobRequest request) {
    try {
      if (untilThere(() -> store.find(id).filter(job -> job.state() == JobState.QUEUED))
          .isPresent()) {
        JobProcess.End end = work(id, request);
        switch (end) {
          case JobProcess.End.Succeeded succeeded -> endHere(id, JobState.SUCCEEDED, null);
          case JobProcess.End.Failed(JobError error) -> endHere(id, JobState.FAILED, error);
          case JobProcess.End.Cancelled cancelled -> endHere(id, JobState.CANCELLED, null);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      log.atError().addKeyValue("job", id).setCause(e).log("end of a job not stored");
    } finally {
      open.remove(id);
      clear(id);
      forgetOldFailures();
    }
  }

  private JobProcess.End work(String id, JobRequest request) throws InterruptedException {
    try {
      JobFolder folder = JobFolder.at(Files.createDirectories(store.folder(id)));
      request.preparation().write(folder.path());
      return follow(id, JobProcess.start(folder, request.program(), request.limits()));
    } catch (JobFailure e) {
      return failed(e.code(), String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return failed(ErrorCode.STORAGE_FAILED, e.toString());
    } catch (RuntimeException | Error e) {
      log.atError().addKeyValue("job", id).setCause(e).log("job failed unforeseen");
      return failed(ErrorCode.INTERNAL, e.toString());
    }
  }

  private static JobProcess.End failed(ErrorCode code, String detail) {
    return new JobProcess.End.Failed(new JobError(code.name(), detail));
  }

  private JobProcess.End follow(String id, JobProcess process)
      throws IOException, InterruptedException {
    running.put(id, process);
    try {
      if (!store.started(id, now(), process.handle())) {
        // It was cancelled while it prepared, and was told so: that stays.
        return new JobProcess.End.Cancelled();
      }
      log.atInfo().addKeyValue("job", id).log("job started");
      return process.follow(progress -> progressed(id, process, progress));
    } finally {
      running.remove(id);
      process.stop();
    }
  }

  // Another server on the database may have been asked to cancel it.
  private void progressed(String id, JobProcess process, JobProgress progress) {
    try {
      if (!store.progressed(id, progress)) {
        process.cancel();
      }
    } catch (DatabaseException e) {
      // The work of hours is worth more than a line of progress.
      if (!e.isAway()) {
        throw e;
      }
      log.atWarn()
          .addKeyValue("job", id)
          .addKeyValue("cause", e.getMessage())
          .log("progress not stored");
    }
  }

  private void endHere(String id, JobState state, @Nullable JobError error)
      throws InterruptedException {
    untilThere(
        () -> {
          end(id, state, error);
          return true;
        });
  }

  // A job waits for a database that is away: nobody else can end it.
  private <T> T untilThere(Supplier<T> work) throws InterruptedException {
    for (long pauseMillis = PAUSE_MILLIS_FIRST;
        ;
        pauseMillis = Math.min(PAUSE_MILLIS_MAX, 2 * pauseMillis)) {
      try {
        return work.get();
      } catch (DatabaseException e) {
        if (!e.isAway()) {
          throw e;
        }
        log.atWarn()
            .addKeyValue("cause", e.getMessage())
            .log("the database is away, a job waits for it");
        Thread.sleep(pauseMillis);
      }
    }
  }

  private void end(String id, JobState state, @Nullable JobError error) {
    // A server on its way down leaves the rows as they are: the next start tells them as lost.
    if (closing || !store.ended(id, state, error, now())) {
      return;
    }
    log.atInfo()
        .addKeyValue("job", id)
        .addKeyValue("state", state)
        .addKeyValue("error", error == null ? "" : error.detail())
        .log("job ended");
    tell(id);
  }

  // Once: whoever found it untold may have been overtaken by the one that told it.
  private void tell(String id) {
    if (!telling.add(id)) {
      return;
    }
    try {
      if (store.isUntold(id)) {
        store.find(id).ifPresent(job -> ended.publishEvent(new JobEnded(job)));
        store.told(id);
      }
    } catch (RuntimeException e) {
      log.atError()
          .addKeyValue("job", id)
          .setCause(e)
          .log("end of a job not taken in, it is told again");
    } finally {
      telling.remove(id);
    }
  }

  private ThreadPoolExecutor lane(String kind) {
    return lanes.computeIfAbsent(
        kind,
        name ->
            new ThreadPoolExecutor(
                1,
                1,
                0,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(QUEUE_MAX),
                Thread.ofPlatform().name("job-" + name).daemon().factory()));
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
