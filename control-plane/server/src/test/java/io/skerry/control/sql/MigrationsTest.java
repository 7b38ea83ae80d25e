package io.skerry.control.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.util.List;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What becomes of rows that were written before a migration. */
@Tag("slow")
class MigrationsTest {
  // The last migration before those that are looked at here.
  private static final String BEFORE = "690";

  private static EmbeddedPostgres postgres;
  private static Database database;

  @BeforeAll
  static void migrate() throws IOException {
    postgres = EmbeddedPostgres.builder().start();
    DataSource source = postgres.getPostgresDatabase();
    database = new Database(source);
    Flyway.configure().dataSource(source).target(BEFORE).load().migrate();
    device("cam-1", "arm64-neon");
    device("cam-7", "esp32");
    device("cam-8", null);
    rollout("single", false, "main");
    rollout("unit", false, "left", "right");
    rollout("past", true, "left", "right");
    arm("single", "cam-1");
    arm("unit", "cam-1");
    deployment("single", "cam-1", "{}");
    deployment("unit", "cam-1", "{\"right\":{\"model\":\"engine-health\",\"version\":1}}");
    deployment("unit", "cam-2", "{}");
    deployment("past", "cam-1", "{\"left\":{\"model\":\"engine-health\",\"version\":1}}");
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values ('engine-health', 1, 'import', 'onnx', 'x', now())
        """);
    variant("arm64-neon", "tflite", "sha256:2");
    variant("x86-64-avx2", "onnxruntime", "sha256:4");
    sql(
        """
        update variant set reason = 'the fastest; accuracy proved under qemu: 0.9750 on 40 items'
        where profile = 'arm64-neon'
        """);
    packaging("proved", "SUCCEEDED", "arm64-neon");
    packaging("unproved", "SUCCEEDED", "x86-64-avx2");
    packaging("failed", "FAILED", "arm64-neon");
    ordered("single", "arm64-neon", "sha256:2");
    // Packaged anew since.
    ordered("single", "x86-64-avx2", "sha256:3");
    sql(
        """
        insert into snapshot (digest, dataset, window_cycles, repeat, features, examples, train,
          validation, test, created_at)
        values ('sha256:1', 'engine-health', 30, 1, '{}', 3, 1, 1, 1, now())
        """);
    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, start_at, end_at, predictions, predictions_failed, skipped, received_at)
        values ('cam-1', 1, 1, 'main', 'engine-health', 1, 'sha256:1', 1, now(), now(), 60, 0, 0,
          now())
        """);
    Flyway.configure().dataSource(source).outOfOrder(true).load().migrate();
  }

  @AfterAll
  static void stop() throws IOException {
    postgres.close();
  }

  private static void rollout(String id, boolean released, String... slots) {
    sql(
        """
        insert into rollout (id, model, version, slots, profiles, definition, state, phase, stage,
          revision, start_millis, step_millis, progress_millis, holdback_above, created_by,
          created_at, released)
        values (?, 'engine-health', 1, ?, '{arm64-neon}', '{"notEligible":5}', '{}', 'RUNNING', 0, 1, 1, 1, 1, 'g',
          'ana', now(), ?)
        """,
        id,
        List.of(slots),
        released);
    sql(
        """
        insert into rollout_stage (rollout, stage, planned, threshold, representatives, edges)
        values (?, 0, 2, 'g', '{}', '{}')
        """,
        id);
  }

  private static void device(String id, @Nullable String profile) {
    sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values (?, 'default', '{}', '{}', ?, now() - interval '1 day')
        """,
        id,
        profile);
  }

  private static void variant(String profile, String engine, String manifest) {
    sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest, signature)
        values ('engine-health', 1, ?, ?, 'fp32', 1, 'none', true, ?, 'sha256:9')
        """,
        profile,
        engine,
        manifest);
  }

  private static void packaging(String job, String state, String profile) {
    sql(
        """
        insert into job (id, kind, subject, state, created_at)
        values (?, 'package', 'engine-health@1', 'SUCCEEDED', now())
        """,
        job);
    sql(
        """
        insert into packaging (job, model, version, profiles, release_counter, state, created_at)
        values (?, 'engine-health', 1, array[?], 1, ?, now())
        """,
        job,
        profile,
        state);
  }

  private static void ordered(String rollout, String profile, String manifest) {
    sql(
        """
        insert into rollout_variant (rollout, slot, profile, model, version, manifest, signature)
        values (?, 'main', ?, 'engine-health', 1, ?, 'sha256:9')
        """,
        rollout,
        profile,
        manifest);
  }

  private static void arm(String rollout, String device) {
    sql(
        """
        insert into rollout_arm (rollout, stage, device, newer, profile, trials, hits, boot_epoch)
        values (?, 0, ?, true, 'arm64-neon', '{60}', '{2}', 1)
        """,
        rollout, device);
  }

  private static void deployment(String rollout, String device, String previous) {
    sql(
        """
        insert into deployment (rollout, device, stage, rank, profile, state, online, previous)
        values (?, ?, 0, '', 'arm64-neon', 'OFFERED', true, ?::jsonb)
        """,
        rollout,
        device,
        previous);
  }

  /** V710: of a unit only the sum was known, which is no part's. */
  @Test
  void keepsWhatWasCountedOfARolloutOfOneSlotAndBeginsUnitsAnew() {
    assertThat(texts("select rollout || ' ' || slot || ' ' || trials::text from rollout_arm"))
        .containsExactly("single main {60}");
    assertThatCode(
            () ->
                sql(
                    """
                    insert into rollout_arm (rollout, stage, slot, device, newer, profile, trials,
                      hits, boot_epoch)
                    select 'unit', 0, slot, 'cam-1', true, 'arm64-neon', '{1}', '{0}', 1
                    from unnest(array['left', 'right']) as slot
                    """))
        .as("one of each part")
        .doesNotThrowAnyException();
    sql("delete from rollout_arm where rollout = 'unit'");
  }

  /** V765, V775: what was counted before there were sums is in them. */
  @Test
  void addsUpWhatWasCountedOfRolloutsThatAreUnderWay() {
    assertThat(
            texts(
                """
                select concat_ws(' ', rollout, slot, profile, newer, own, devices, trials,
                  hits, trials_squared, product, hits_squared)
                from rollout_arm_sum where rollout = 'single'
                """))
        .containsExactly("single main arm64-neon t t {1} {60} {2} {3600} {120} {4}");
  }

  /** V801 */
  @Test
  void knowsWhichPackagingsProvedUnderEmulation() {
    assertThat(texts("select job from packaging where emulated_items = 400"))
        .containsExactly("proved");
    assertThat(texts("select job from packaging where emulated_items = 0 order by job"))
        .containsExactly("failed", "unproved");
  }

  /** V720 */
  @Test
  void givesSnapshotsTheTwoClassesThatTheyHad() {
    assertThat(texts("select classes::text from snapshot")).containsExactly("2");
  }

  /** V721 */
  @Test
  void knowsNoAmountsOfStagesThatWereOpen() {
    assertThat(texts("select distinct amounts::text from rollout_stage")).containsExactly("{}");
  }

  /** V730: of what is still followed, from the devices' versions before. */
  @Test
  void knowsWhichPartsOfAUnitTakeThePlaceOfAnother() {
    assertThat(texts("select id || ' ' || replacing::text from rollout order by id"))
        .containsExactly("past {}", "single {}", "unit {right}");
  }

  /** V732: of what is still followed; whom a stage took already stays in it. */
  @Test
  void knowsWhoIsInNoStageOfARolloutThatGoesOn() {
    assertThat(
            texts(
                """
                select rollout || ' ' || device || ': ' || reason from rollout_outsider
                order by rollout, device
                """))
        .containsExactly(
            "single cam-7: the version has no variant for profile esp32",
            "single cam-8: its hardware matches no profile",
            "unit cam-7: the version has no variant for profile esp32",
            "unit cam-8: its hardware matches no profile");
  }

  /** V733: of what is over only their number was known. */
  @Test
  void countsWhoIsInNoStage() {
    assertThat(texts("select id || ' ' || outsiders from rollout order by id"))
        .containsExactly("past 5", "single 2", "unit 2");
  }

  /** V732: none where the variant that was ordered is gone. */
  @Test
  void knowsTheEnginesOfVariantsThatAreStillThere() {
    assertThat(texts("select profile || ': ' || engine from rollout_variant order by profile"))
        .containsExactly("arm64-neon: tflite", "x86-64-avx2: ");
  }

  /** V732 */
  @Test
  void takesDevicesForWhatTheyWereWhenTheyEnrolled() {
    assertThat(texts("select id from device where described_at = enrolled_at order by id"))
        .containsExactly("cam-1", "cam-7", "cam-8");
  }

  /** V734 */
  @Test
  void looksAtEverybodyOnceMoreThatWasDescribedSinceARolloutBegan() {
    assertThat(texts("select id from rollout where admitted_at = created_at order by id"))
        .containsExactly("past", "single", "unit");
  }

  /** V731 */
  @Test
  void knowsNoRefusedSamplesOfEarlierWindows() {
    assertThat(texts("select samples_refused::text from telemetry_window")).containsExactly("{}");
  }

  private static List<String> texts(String query) {
    return database.call(
        transaction ->
            transaction.list("select one from (" + query + ") as t (one)", row -> row.text("one")));
  }

  private static void sql(String statement, @Nullable Object... parameters) {
    database.run(transaction -> transaction.update(statement, parameters));
  }
}
