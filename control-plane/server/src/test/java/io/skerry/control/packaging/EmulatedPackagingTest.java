package io.skerry.control.packaging;

import static java.time.temporal.ChronoUnit.MICROS;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.Judging;
import io.skerry.api.WorkState;
import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobFolder;
import io.skerry.control.TestControlPlane;
import io.skerry.control.audit.Actor;
import io.skerry.control.host.DataFolder;
import io.skerry.control.job.JobEnded;
import io.skerry.control.job.JobState;
import io.skerry.control.job.JobView;
import io.skerry.control.registry.Registry;
import io.skerry.control.sql.Database;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class EmulatedPackagingTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  @TempDir private Path folder;

  @Test
  void tellsTheJobHowManyItemsToEmulateAndOtherwiseNothing() throws Exception {
    ModelVersion version = version("emulated-model");

    assertThat(job(version, 50)).containsEntry("emulatedItems", 50);
    assertThat(job(version, 0)).doesNotContainKey("emulatedItems");
  }

  @Test
  void tellsOfAWinnerWhetherItRanOnSuchAProcessor() {
    PackagerReport.Judged judged =
        new PackagerReport.Judged(.975, List.of(.9, 1.0), 0.0, List.of(-.01, .01), 0, null, 40);
    PackagerReport.Proof emulated = new PackagerReport.Proof("qemu", judged, null, null);
    PackagerReport.Proof unproved = new PackagerReport.Proof(null, null, null, "there is no qemu");

    assertThat(emulated.words()).isEqualTo("; accuracy proved under qemu: 0.9750 on 40 items");
    assertThat(unproved.words()).isEqualTo("; accuracy unproved: there is no qemu");
    assertThat(new PackagerReport.Proof(null, null, null, null).words()).isEmpty();
    PackagerReport.Judged numberless =
        new PackagerReport.Judged(null, null, null, null, null, null, 40);
    assertThat(new PackagerReport.Proof("qemu", numberless, null, null).words()).isEmpty();
  }

  /** An int8 that lost its accuracy there would otherwise be chosen unseen the next time. */
  @Test
  void provesAsMuchAsTheLastPackagingOfTheProfiles() throws Exception {
    ModelVersion version = version("proved-model");
    packaged(version, "first", List.of("arm64-neon", "x86-64-avx2"), 50, "SUCCEEDED");
    packaged(version, "second", List.of("x86-64-vnni"), 30, "FAILED");
    packaged(version, "cut off", List.of("x86-64-vnni", "nvidia-tensorrt"), 400, "FAILED");
    packaged(version, "third", List.of("arm64-dotprod"), 60, "SUCCEEDED");
    packaged(version, "fourth", List.of("arm64-dotprod"), 0, "SUCCEEDED");

    assertThat(items(version, null, "arm64-neon")).isEqualTo(50);
    assertThat(items(version, null, "arm64-dotprod", "x86-64-avx2")).isEqualTo(50);
    assertThat(items(version, null, "arm64-dotprod")).isZero();
    assertThat(items(version, null, "x86-64-vnni"))
        .as("what was asked counts, whatever became of it")
        .isEqualTo(400);
    assertThat(items(version, null, "intel-openvino")).isZero();
    assertThat(items(version, 0, "arm64-neon")).isZero();
    assertThat(items(version, 70, "arm64-neon")).isEqualTo(70);
    assertThat(items(version("other-model"), null, "arm64-neon")).isZero();
  }

  /** The next one may run where nothing can be emulated. */
  @Test
  void tellsTheNextJobWhatLostUnderEmulationUntilItLosesNoMore() throws Exception {
    ModelVersion version = version("lossy-model");
    String file = "sha256:" + "ab".repeat(32);
    String loss = "loses 0.4000 of the metric under qemu, 0.0050 is allowed";

    saw(version, "arm64-neon", file, "{\"by\": \"qemu\", \"lost\": \"%s\"}".formatted(loss));
    saw(version, "arm64-dotprod", file, "{\"by\": \"qemu\", \"lost\": \"%s\"}".formatted(loss));
    saw(version, "arm64-neon", file, "{\"reason\": \"there is no qemu\"}");

    assertThat(job(version, 0))
        .containsEntry(
            "lost", List.of(Map.of("profile", "arm64-neon", "file", file, "reason", loss)));
    assertThat(job(version("flawless-model"), 1)).doesNotContainKey("lost");

    saw(version, "arm64-neon", file, "{\"by\": \"qemu\", \"lost\": null}");

    assertThat(job(version, 2)).doesNotContainKey("lost");
  }

  /** A server that cannot emulate would take it by its times. */
  @Test
  void keepsWhatLostInAJobThatShippedNothing() throws Exception {
    ModelVersion version = version("unshipped-model");
    packaged(version, "only", List.of("arm64-neon"), 50, "QUEUED");
    Path job = folder.resolve("failed-job");
    Path report = Files.createDirectories(job.resolve("output.part")).resolve("report.json");
    String lost = "{\"by\": \"qemu\", \"lost\": \"loses .4\"}";
    Files.writeString(report, report("arm64-neon", "sha256:" + "cd".repeat(32), lost));

    ended(job, "unshipped-model-only", JobState.FAILED);

    assertThat(job(version, 0).get("lost")).asString().contains("loses .4");
    ModelVersion cancelled = version("cancelled-model");
    packaged(cancelled, "only", List.of("arm64-neon"), 50, "QUEUED");

    ended(job, "cancelled-model-only", JobState.CANCELLED);

    assertThat(job(cancelled, 0).get("lost")).asString().contains("loses .4");
    ModelVersion cutOff = version("cut-off-model");
    packaged(cutOff, "only", List.of("arm64-neon"), 50, "QUEUED");
    Files.writeString(report, "{\"metric\": \"accu");

    ended(job, "cut-off-model-only", JobState.FAILED);

    assertThat(job(cutOff, 0)).doesNotContainKey("lost");
    assertThat(plane.bean(PackagingService.class).packaging(cutOff).state())
        .isEqualTo(WorkState.FAILED);
  }

  private void ended(Path job, String id, JobState state) {
    JobError error = new JobError("PACKAGING_FAILED", "no variant");
    plane
        .bean(PackagingService.class)
        .onJobEnded(
            new JobEnded(
                new JobView(id, "package", id, state, job, Instant.now(), null, null, error)));
  }

  @Test
  void forgetsTheOldestLossesBeyondABound() throws Exception {
    ModelVersion version = version("many-losses");
    Database database = plane.bean(Database.class);
    database.run(
        transaction ->
            transaction.update(
                """
                insert into emulated_loss (model, version, profile, file, reason, seen_at)
                select 'many-losses', 1, 'arm64-neon', 'sha256:' || i, 'lost', timestamptz 'epoch'
                from generate_series(1, ?) i
                """,
                EmulatedLosses.KEPT_MAX));

    saw(version, "arm64-neon", "sha256:new", "{\"by\": \"qemu\", \"lost\": \"lost\"}");

    assertThat(
            database.<Long>call(
                transaction -> transaction.number("select count(*) from emulated_loss")))
        .isEqualTo(EmulatedLosses.KEPT_MAX);
    List<Map<String, Object>> known =
        database.call(
            transaction -> EmulatedLosses.of(transaction, version, List.of("arm64-neon")));
    assertThat(known.getFirst()).containsEntry("file", "sha256:new");
    database.run(
        transaction -> transaction.update("delete from emulated_loss where model = 'many-losses'"));
  }

  private void saw(ModelVersion version, String profile, String file, String proof) {
    PackagerReport report = PackagerReport.parse(report(profile, file, proof));
    plane
        .bean(Database.class)
        .run(transaction -> EmulatedLosses.keep(transaction, version, report, Instant.now()));
  }

  private static String report(String profile, String file, String proof) {
    return """
        {"metric": "accuracy", "variants": [{"profile": "%s", "engine": "onnxruntime",
          "precision": "int8", "bytes": 100, "model": "%s", "measured": "none",
          "proof": %s, "winner": false}]}
        """
        .formatted(profile, file, proof);
  }

  private int items(ModelVersion version, @Nullable Integer asked, String... profiles) {
    return plane
        .bean(PackagingService.class)
        .emulatedItems(version, Arrays.asList(profiles), asked);
  }

  private void packaged(
      ModelVersion version, String name, List<String> profiles, int items, String state) {
    String job = version.model() + "-" + name;
    PackagingService.Choice choice = new PackagingService.Choice(profiles, List.of());
    plane
        .bean(Database.class)
        .run(
            transaction -> {
              transaction.update(
                  "insert into job (id, kind, subject, state, created_at)"
                      + " values (?, 'package', ?, 'SUCCEEDED', now())",
                  job,
                  version.toString());
              PackagingStore.insert(
                  transaction, job, version, choice, 1, items, Instant.now().truncatedTo(MICROS));
              PackagingStore.ended(transaction, job, WorkState.valueOf(state), null);
            });
  }

  @Test
  void refusesANumberOfItemsThatCannotBe() throws Exception {
    ModelVersion version = version("refused-model");

    for (int items : List.of(-1, 10_001)) {
      HttpResponse<String> answer =
          plane.send(
              plane
                  .request("/v1/models/refused-model/versions/1/variants")
                  .header("Authorization", "Bearer " + plane.token())
                  .header("Content-Type", "application/json")
                  .POST(BodyPublishers.ofString("{\"emulatedItems\":%d}".formatted(items))));

      assertThat(answer.statusCode()).isEqualTo(400);
      assertThat(answer.body()).contains("emulatedItems is " + items, "give 0 to 10000");
    }
    assertThat(plane.bean(Registry.class).version(version).variants()).isEmpty();
  }

  private ModelVersion version(String name) throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), new byte[] {8, 8, 0, 0, 0, 0, 0, 0});
    Files.createDirectories(plane.bean(DataFolder.class).root().resolve("imports").resolve(name));
    return plane
        .bean(Registry.class)
        .add(
            Actor.system("test"),
            new ModelName(name),
            "onnx",
            file,
            new TreeMap<>(),
            "imports/" + name);
  }

  private Map<String, Object> job(ModelVersion version, int emulatedItems) throws Exception {
    Path job = folder.resolve("job-%s-%d".formatted(version.model(), emulatedItems));
    plane
        .bean(PackagingInput.class)
        .write(
            job,
            plane.bean(Registry.class).version(version),
            List.of("arm64-neon"),
            1,
            emulatedItems,
            Judging.BY_DATA);
    return new HashMap<>(JobFolder.at(job).spec().keys());
  }
}
