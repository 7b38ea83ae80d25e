package io.skerry.control.packaging;

import io.skerry.api.Packaging;
import io.skerry.api.Progress;
import io.skerry.api.WorkError;
import io.skerry.api.WorkState;
import io.skerry.artifact.job.JobError;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The table of packagings. */
final class PackagingStore {
  private static final String PACKAGINGS =
      "select p.*, j.state as job_state, j.step, j.done, j.total, j.message"
          + " from packaging p join job j on j.id = p.job ";

  private PackagingStore() {}

  static long nextReleaseCounter(Transaction transaction) {
    return transaction.number("select nextval('release_counter')");
  }

  /** The counter of a model's newest release that is signed; 0 when it has none. */
  static long newestReleaseCounter(Transaction transaction, String model) {
    return transaction.number(
        """
        select coalesce(max(p.release_counter), 0) from packaging p
        where p.model = ? and p.state = 'SUCCEEDED' and exists (
          select 1 from variant v
          where v.model = p.model and v.version = p.version and v.profile = any(p.profiles)
            and v.winner and v.signature is not null)
        """,
        model);
  }

  static void insert(
      Transaction transaction,
      String job,
      ModelVersion version,
      PackagingService.Choice choice,
      long releaseCounter,
      int emulatedItems,
      Instant now) {
    transaction.update(
        "insert into packaging (job, model, version, profiles, release_counter, state, created_at,"
            + " error_code, error_detail, emulated_items)"
            + " values (?, ?, ?, ?, ?, 'QUEUED', ?, ?, ?, ?)",
        job,
        version.model().value(),
        version.version(),
        choice.profiles(),
        releaseCounter,
        now,
        choice.leftOut().map(JobError::code).orElse(null),
        choice.leftOut().map(JobError::detail).orElse(null),
        emulatedItems);
  }

  /**
   * The most items that the newest packaging of any of these profiles was to run under emulation,
   * whatever became of it: one that was cut off may have seen a form lose there.
   */
  static int emulatedItems(Transaction transaction, ModelVersion version, List<String> profiles) {
    return Math.toIntExact(
        transaction.number(
            """
            select coalesce(max(emulated_items), 0) from (
              select distinct on (profile) p.emulated_items
              from packaging p, unnest(p.profiles) as profile
              where p.model = ? and p.version = ? and profile = any(?)
              order by profile, p.created_at desc) newest
            """,
            version.model().value(),
            version.version(),
            profiles));
  }

  /** The job of a version's open packaging. */
  static Optional<String> openJob(Transaction transaction, ModelVersion version) {
    return transaction.first(
        "select job from packaging where model = ? and version = ?"
            + " and state in ('QUEUED', 'RUNNING') order by created_at desc limit 1",
        row -> row.text("job"),
        version.model().value(),
        version.version());
  }

  static void ended(
      Transaction transaction, String job, WorkState state, @Nullable JobError error) {
    transaction.update(
        "update packaging set state = ?, error_code = ?, error_detail = ? where job = ?",
        state.name(),
        error == null ? null : error.code(),
        error == null ? null : error.detail(),
        job);
  }

  /** Tells of profiles that got nothing beside those that were left out from the start. */
  static void succeeded(Transaction transaction, String job, @Nullable JobError refusal) {
    transaction.update(
        "update packaging set state = 'SUCCEEDED', error_code = coalesce(error_code, ?),"
            + " error_detail = nullif(concat_ws('; ', error_detail, ?::text), '') where job = ?",
        refusal == null ? null : refusal.code(),
        refusal == null ? null : refusal.detail(),
        job);
  }

  static Optional<Packaging> newest(Transaction transaction, ModelVersion version) {
    return transaction.first(
        PACKAGINGS + "where p.model = ? and p.version = ? order by p.created_at desc limit 1",
        PackagingStore::view,
        version.model().value(),
        version.version());
  }

  static List<Packaging> open(Transaction transaction) {
    return transaction.list(
        PACKAGINGS + "where p.state = 'QUEUED' order by p.created_at limit 50",
        PackagingStore::view);
  }

  /** The version that a job packages, while its packaging is open. */
  static Optional<ModelVersion> openOf(Transaction transaction, String job) {
    return transaction.first(
        "select model, version from packaging where job = ? and state in ('QUEUED', 'RUNNING')",
        row -> new ModelVersion(new ModelName(row.text("model")), row.bigint("version")),
        job);
  }

  private static Packaging view(Row row) {
    WorkState stored = WorkState.valueOf(row.text("state"));
    WorkState state =
        !stored.isTerminal() && !row.text("job_state").equals("QUEUED")
            ? WorkState.RUNNING
            : stored;
    return new Packaging(
        row.text("model"),
        row.bigint("version"),
        state,
        row.texts("profiles"),
        row.optionalText("step")
            .map(
                step ->
                    new Progress(
                        step,
                        row.bigint("done"),
                        row.bigint("total"),
                        row.optionalText("message").orElse("")))
            .orElse(null),
        List.of(),
        row.optionalText("error_code")
            .map(code -> new WorkError(code, row.optionalText("error_detail").orElse("")))
            .orElse(null));
  }
}
