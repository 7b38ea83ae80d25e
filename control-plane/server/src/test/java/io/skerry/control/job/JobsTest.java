package io.skerry.control.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class JobsTest {
  private static final JobLimits LIMITS = new JobLimits(64, 2L << 30, Duration.ofSeconds(60));

  private Path left;
  private TestPlane plane;
  private Jobs jobs;
  private EndedJobs ended;

  @BeforeAll
  void start(@TempDir Path folder) throws IOException {
    left = folder.resolve("data/jobs/of-a-killed-server");
    Files.write(
        Files.createDirectories(left.resolve("tmp/natives")).resolve("library.so"),
        new byte[1 << 16]);
    plane = TestPlane.start(folder.resolve("data"));
    jobs = plane.bean(Jobs.class);
    ended = plane.bean(EndedJobs.class);
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void removesWhatJobsOfAKilledServerUnpacked() {
    jobs.look();

    assertThat(left.resolve("tmp")).doesNotExist();
  }

  @Test
  void keepsStateAndProgressOfASuccess() throws Exception {
    String id = jobs.submit(request("succeed"));

    JobView job = ended.next();

    assertThat(job.id()).isEqualTo(id);
    assertThat(job.state()).isEqualTo(JobState.SUCCEEDED);
    assertThat(job.progress()).isNotNull().extracting(one -> one.done()).isEqualTo(3);
    assertThat(ended.hadOutput(id)).isTrue();
    doneWithOneAfter();
    assertThat(job.folder()).as("once its asker has taken it in").doesNotExist();
  }

  @Test
  void keepsTheResultUntilItsAskerHasTakenItIn() throws Exception {
    ended.refuseNext();
    String id = jobs.submit(request("succeed"));
    doneWithOneAfter();
    JobView job = jobs.find(id).orElseThrow();
    assertThat(job.folder().resolve("output/result.txt")).exists();
    assertThat(job.folder().resolve("input")).exists();

    jobs.look();

    assertThat(ended.next().id()).isEqualTo(id);
    assertThat(ended.hadOutput(id)).isTrue();
    assertThat(job.folder()).doesNotExist();
  }

  @Test
  void leavesNoProcessAndNoFolderOfACancelledJob() throws Exception {
    String id = jobs.submit(request("start"));
    JobView job;
    do {
      job = jobs.find(id).orElseThrow();
    } while (job.progress() == null);
    ProcessHandle started =
        ProcessHandle.of(Long.parseLong(job.progress().message())).orElseThrow();

    jobs.cancel(id);

    assertThat(ended.next().state()).isEqualTo(JobState.CANCELLED);
    doneWithOneAfter();
    assertThat(started.isAlive()).isFalse();
    assertThat(job.folder()).doesNotExist();
  }

  @Test
  void keepsOfTheNewestFailuresWhatTheySaid() throws Exception {
    String first = jobs.submit(request("fail"));
    JobView failed = ended.next();
    assertThat(failed.id()).isEqualTo(first);
    doneWithOneAfter();
    assertThat(failed.folder().resolve("error.json")).exists();
    assertThat(failed.folder().resolve("job.yaml")).exists();
    assertThat(failed.folder().resolve("input")).doesNotExist();

    for (int i = 0; i < Jobs.FAILED_FOLDERS_MAX; i++) {
      Path old = Files.createDirectories(failed.folder().resolveSibling("old-" + i));
      Files.setLastModifiedTime(
          old,
          FileTime.from(Files.getLastModifiedTime(failed.folder()).toInstant().plusSeconds(1)));
    }
    doneWithOneAfter();
    doneWithOneAfter();

    assertThat(failed.folder()).doesNotExist();
    try (Stream<Path> left = Files.list(failed.folder().resolveSibling(""))) {
      assertThat(left).hasSizeLessThanOrEqualTo(Jobs.FAILED_FOLDERS_MAX + 1);
    }
  }

  @Test
  void tellsWhyAPreparationWasRefused() throws Exception {
    jobs.submit(
        request(
            "nothing",
            folder -> {
              throw new JobFailure(ErrorCode.DATASET_INVALID, "there is nothing");
            }));

    JobView job = ended.next();

    assertThat(job.state()).isEqualTo(JobState.FAILED);
    assertThat(job.error()).isEqualTo(new JobError("DATASET_INVALID", "there is nothing"));
  }

  @ParameterizedTest
  @ValueSource(classes = {OutOfMemoryError.class, StackOverflowError.class})
  void endsAJobThatHadNoRoom(Class<? extends Error> none) throws Exception {
    Error error = none.getConstructor().newInstance();
    jobs.submit(
        request(
            "nothing",
            folder -> {
              throw error;
            }));

    JobView job = ended.next();

    assertThat(job.state()).isEqualTo(JobState.FAILED);
    assertThat(job.error()).isEqualTo(new JobError("INTERNAL", error.toString()));
  }

  @Test
  void storesNothingWhenTheAskersRowIsRefused() {
    long before =
        plane.database().call(transaction -> transaction.number("select count(*) from job"));

    assertThatThrownBy(
            () ->
                jobs.submit(
                    new JobRequest(
                        "test",
                        "nothing",
                        program(),
                        LIMITS,
                        folder -> {},
                        (transaction, id) -> {
                          throw new IllegalArgumentException("refused");
                        })))
        .hasMessage("refused");

    assertThat(plane.database().<Long>call(t -> t.number("select count(*) from job")))
        .isEqualTo(before);
  }

  @Test
  void cancelsAJobThatWaitsBehindAnother() throws Exception {
    String running = jobs.submit(request("hang"));
    String waiting = jobs.submit(request("succeed"));

    jobs.cancel(waiting);
    JobView first = ended.next();
    jobs.cancel(running);
    // A cancel before the process runs ends the job as well.
    JobView second = ended.next();

    assertThat(first.id()).isEqualTo(waiting);
    assertThat(first.state()).isEqualTo(JobState.CANCELLED);
    assertThat(second.id()).isEqualTo(running);
    assertThat(second.state()).isEqualTo(JobState.CANCELLED);
  }

  @Test
  void leavesCancelledWhatWasCancelledWhileItPrepared() throws Exception {
    String cancelled =
        jobs.submit(
            request(
                "succeed",
                folder -> {
                  jobs.cancel(folder.getFileName().toString());
                  JobFolder.create(folder, Map.of("kind", "test", "act", "succeed"));
                }));
    // The lane takes one after the other: when this one has ended, the first is done with.
    String next = jobs.submit(request("succeed"));

    JobView first = ended.next();
    JobView second = ended.next();

    assertThat(first.id()).isEqualTo(cancelled);
    assertThat(first.state()).isEqualTo(JobState.CANCELLED);
    assertThat(second.id()).isEqualTo(next);
    assertThat(jobs.find(cancelled).orElseThrow().state()).isEqualTo(JobState.CANCELLED);
    assertThat(first.folder().resolve("output")).doesNotExist();
  }

  @Test
  void leavesNoProcessWhenItsStartCannotBeStored() throws Exception {
    List<ProcessHandle> before = ProcessHandle.current().children().toList();
    alterJobs("add constraint none_runs check (state <> 'RUNNING') not valid");
    try {
      jobs.submit(request("hang"));
      assertThat(ended.next().state()).isEqualTo(JobState.FAILED);
    } finally {
      alterJobs("drop constraint none_runs");
    }

    assertThat(ProcessHandle.current().children()).isSubsetOf(before);
  }

  private void alterJobs(String how) {
    sql("alter table job " + how);
  }

  @Test
  void leavesAnotherServersJobsAloneWhileItIsThere() throws Exception {
    Process running = new ProcessBuilder("sleep", "300").start();
    try {
      heard("another", "interval '1 hour'");
      left("others", "another", running);
      heardForLong();

      jobs.look();

      assertThat(jobs.find("others").orElseThrow().state()).isEqualTo(JobState.RUNNING);
      assertThat(running.isAlive()).isTrue();
      jobs.cancel("others");
      assertThat(ended.next().state()).isEqualTo(JobState.CANCELLED);
    } finally {
      running.destroyForcibly();
    }
  }

  @Test
  void givesOthersTimeToBeHeardAfterTheDatabaseWasAway() throws Exception {
    Process running = new ProcessBuilder("sleep", "300").start();
    try {
      heard("silent", "interval '-1 second'");
      left("silents", "silent", running);
      heardForLong();
      sql("update job_server set until = now() - interval '1 second'");

      jobs.look();
      heard("silent", "interval '1 hour'");
      heardForLong();
      jobs.look();

      assertThat(jobs.find("silents").orElseThrow().state()).isEqualTo(JobState.RUNNING);
      heard("silent", "interval '-1 second'");
      jobs.look();
      assertThat(ended.next().state()).isEqualTo(JobState.FAILED);
    } finally {
      running.destroyForcibly();
    }
  }

  @Test
  void givesOthersTimeAfterTheDatabaseWasAwayForLessThanAServerLives() throws Exception {
    Process running = new ProcessBuilder("sleep", "300").start();
    try {
      heard("slower", "interval '-1 second'");
      left("slowers", "slower", running);
      heardForLong();
      sql("update job_server set until = now() + interval '5 seconds' where id <> 'slower'");

      jobs.look();

      assertThat(jobs.find("slowers").orElseThrow().state()).isEqualTo(JobState.RUNNING);
      assertThat(running.isAlive()).isTrue();
      jobs.cancel("slowers");
      assertThat(ended.next().state()).isEqualTo(JobState.CANCELLED);
    } finally {
      running.destroyForcibly();
    }
  }

  @Test
  void keepsASuccessWhileTheDatabaseIsAwayForAMoment() throws Exception {
    sql("create sequence tries");
    sql(
        """
        create function away() returns trigger language plpgsql as $$
        begin
          if (new.step is distinct from old.step or new.state = 'SUCCEEDED')
              and nextval('tries') < 4 then
            raise exception 'away' using errcode = '53300';
          end if;
          return new;
        end $$
        """);
    sql("create trigger away before update on job for each row execute function away()");
    try {
      jobs.submit(request("succeed"));

      assertThat(ended.next().state()).isEqualTo(JobState.SUCCEEDED);
      assertThat(plane.database().<Long>call(t -> t.number("select last_value from tries")))
          .isGreaterThanOrEqualTo(4);
    } finally {
      sql("drop trigger away on job");
      sql("drop function away");
      sql("drop sequence tries");
    }
  }

  @Test
  void endsItsOwnJobWhoseEndCouldNotBeStored() throws Exception {
    alterJobs("add constraint none_succeeds check (state <> 'SUCCEEDED') not valid");
    String refused;
    try {
      refused = jobs.submit(request("succeed"));
      doneWithOneAfter();
    } finally {
      alterJobs("drop constraint none_succeeds");
    }

    jobs.look();

    JobView job = ended.next();
    assertThat(job.id()).isEqualTo(refused);
    assertThat(job.error())
        .isEqualTo(
            new JobError("RUN_FAILED", "the end of the job could not be stored: start it again"));
  }

  @Test
  void leavesItsOwnJobsThatWaitOrRun() throws Exception {
    String running = jobs.submit(request("hang"));
    String waiting = jobs.submit(request("hang"));

    jobs.look();

    assertThat(jobs.find(running).orElseThrow().state()).isIn(JobState.QUEUED, JobState.RUNNING);
    assertThat(jobs.find(waiting).orElseThrow().state()).isEqualTo(JobState.QUEUED);
    jobs.cancel(waiting);
    jobs.cancel(running);
    assertThat(ended.next().id()).isEqualTo(waiting);
    assertThat(ended.next().id()).isEqualTo(running);
  }

  @Test
  void tellsAnEndAgainThatWasNotTakenIn() throws Exception {
    ended.refuseNext();
    String id = jobs.submit(request("succeed"));
    doneWithOneAfter();

    jobs.look();
    JobView told = ended.next();
    assertThat(told.id()).isEqualTo(id);
    assertThat(told.state()).isEqualTo(JobState.SUCCEEDED);

    sql("update job set untold = true, server = 'gone' where id = ?", id);
    jobs.look();
    assertThat(ended.next().id()).as("for a server that is not there any more").isEqualTo(id);
    assertThat(plane.database().<Long>call(t -> t.number("select count(*) from job where untold")))
        .isZero();
  }

  @Test
  void tellsAnEndOnceThoughItIsLookedForMeanwhile() throws Exception {
    Process running = new ProcessBuilder("sleep", "300").start();
    try {
      heard("elsewhere", "interval '1 hour'");
      left("elsewheres", "elsewhere", running);
      Path folder = jobs.find("elsewheres").orElseThrow().folder();
      Files.createDirectories(folder.resolve("input"));
      ended.whileToldNext(jobs::look);

      jobs.cancel("elsewheres");

      assertThat(ended.next().id()).isEqualTo("elsewheres");
      assertThat(ended.left()).isZero();
      assertThat(folder).doesNotExist();
    } finally {
      running.destroyForcibly();
    }
  }

  // The lane takes one after the other: when this one has ended, those before are done with.
  private void doneWithOneAfter() throws InterruptedException {
    String next =
        jobs.submit(
            request(
                "nothing",
                folder -> {
                  throw new JobFailure(ErrorCode.DATASET_INVALID, "there is nothing");
                }));
    assertThat(ended.next().id()).isEqualTo(next);
  }

  private void heard(String server, String until) {
    sql(
        """
        insert into job_server (id, since, until) values (?, now() - interval '1 hour', now() + %s)
        on conflict (id) do update set until = excluded.until
        """
            .formatted(until),
        server);
  }

  private void heardForLong() {
    sql("update job_server set since = now() - interval '1 minute'");
  }

  private void sql(String statement, Object... arguments) {
    plane.database().run(transaction -> transaction.update(statement, arguments));
  }

  private void left(String id, @Nullable String server, Process process) {
    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    "insert into job"
                        + " (id, kind, subject, state, created_at, server, pid, pid_started_at)"
                        + " values (?, 'test', 's', 'RUNNING', ?, ?, ?, ?)",
                    id,
                    Instant.parse("2026-01-01T00:00:00Z"),
                    server,
                    process.pid(),
                    process.info().startInstant().orElseThrow()));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void endsWhatAServerLeftBehindWhenItWentAway(boolean old) throws Exception {
    Process orphan = new ProcessBuilder("sh", "-c", "echo begun; sleep 300; exit 1").start();
    assertThat(orphan.inputReader().readLine()).isEqualTo("begun");
    ProcessHandle started = startedBy(orphan);
    if (!old) {
      heard("lost", "interval '-1 second'");
    }
    left("lost-" + old, old ? null : "lost", orphan);
    heardForLong();

    jobs.look();

    assertThat(ended.next().error())
        .isEqualTo(
            new JobError(
                "RUN_FAILED", "the server stopped while the job was open: start it again"));
    assertThat(orphan.waitFor()).isNotZero();
    assertThat(started.onExit()).succeedsWithin(Duration.ofSeconds(30));
  }

  private static ProcessHandle startedBy(Process process) {
    while (true) {
      Optional<ProcessHandle> first = process.descendants().findFirst();
      if (first.isPresent()) {
        return first.get();
      }
      Thread.onSpinWait();
    }
  }

  private static JobRequest request(String act) {
    return request(act, folder -> JobFolder.create(folder, Map.of("kind", "test", "act", act)));
  }

  private static JobRequest request(String act, JobPreparation preparation) {
    return new JobRequest("test", act, program(), LIMITS, preparation, (transaction, id) -> {});
  }

  private static JobProgram program() {
    return JobProgram.of(System.getProperty("java.class.path"), TinyJob.class.getName());
  }
}
