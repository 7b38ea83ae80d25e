package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.ModelVersionView;
import io.skerry.api.Packaging;
import io.skerry.api.Variant;
import io.skerry.api.VariantState;
import io.skerry.api.WorkState;
import io.skerry.artifact.job.JobError;
import io.skerry.control.audit.Actor;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.registry.Registry;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PackagingCancelTest {
  private static final Actor ANA = new Actor("ana", "request-1");

  private TestPlane plane;

  @BeforeAll
  void start(@TempDir Path folder) throws IOException {
    plane = TestPlane.start(folder.resolve("data"));
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void stopsWhatWaitsAndLeavesAloneWhatHasEnded() {
    ModelVersion version = new ModelVersion(new ModelName("cats"), 1);
    PackagingService service = plane.bean(PackagingService.class);
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  """
                    insert into model_version (model, version, source, format, blob, created_at)
                    values ('cats', 1, 'import', 'onnx', 'x', now())
                    """);
              transaction.update(
                  """
                    insert into job (id, kind, subject, state, created_at)
                    values ('job-1', 'package', 'cats@1', 'QUEUED', now())
                    """);
              transaction.update(
                  """
                    insert into packaging
                      (job, model, version, profiles, release_counter, state, created_at)
                    values ('job-1', 'cats', 1, ?, 1, 'QUEUED', now())
                    """,
                  List.of("arm64-neon"));
            });

    assertThat(service.cancel(ANA, version).state()).isEqualTo(WorkState.CANCELLED);
    assertThat(service.cancel(ANA, version).state()).isEqualTo(WorkState.CANCELLED);
    assertThat(service.open()).isEmpty();
    assertThatThrownBy(() -> service.cancel(ANA, new ModelVersion(new ModelName("cats"), 2)))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("cats@2");
  }

  /** One offline device of a profile that was removed since kept all others from new variants. */
  @Test
  void leavesOutProfilesOfDevicesThatTheCatalogueLacksAndSaysSo() {
    PackagingService service = plane.bean(PackagingService.class);
    ModelVersion version = new ModelVersion(new ModelName("birds"), 1);
    plane
        .database()
        .run(
            transaction -> {
              for (String profile : List.of("arm64-neon", "own-board")) {
                transaction.update(
                    """
                      insert into device (id, tenant, labels, facts, profile, enrolled_at)
                      values (?, 'default', '{}', '{}', ?, now())
                      """,
                    "of-" + profile,
                    profile);
              }
              transaction.update(
                  """
                    insert into model_version (model, version, source, format, blob, created_at)
                    values ('birds', 1, 'import', 'onnx', 'x', now())
                    """);
              transaction.update(
                  """
                    insert into job (id, kind, subject, state, created_at)
                    values ('job-2', 'package', 'birds@1', 'QUEUED', now())
                    """);
            });

    PackagingService.Choice choice = service.choice(List.of());
    plane
        .database()
        .run(
            transaction -> {
              transaction.update("delete from device");
              PackagingStore.insert(transaction, "job-2", version, choice, 1, 0, Instant.EPOCH);
            });
    Packaging queued = service.packaging(version);
    plane
        .database()
        .run(
            transaction ->
                PackagingStore.succeeded(
                    transaction, "job-2", new JobError("PACKAGING_FAILED", "too large")));
    Packaging ended = service.packaging(version);

    assertThat(queued.profiles()).containsExactly("arm64-neon");
    assertThat(Objects.requireNonNull(queued.error()).detail())
        .contains("[own-board]", "--profiles DIR");
    assertThat(ended.state()).isEqualTo(WorkState.SUCCEEDED);
    assertThat(Objects.requireNonNull(ended.error()).detail()).contains("[own-board]", "too large");
    assertThatThrownBy(() -> service.choice(List.of("own-board")))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("own-board");
  }

  /** A stolen device gets nothing any more, and nobody waits for what is made for it alone. */
  @Test
  void makesNothingForDevicesWhoseCertificatesAreAllRevoked() {
    PackagingService service = plane.bean(PackagingService.class);
    Map<String, List<String>> revocations =
        Map.of(
            "arm64-neon", List.of("null"),
            "nvidia-cuda", List.of("now()"),
            "x86-64-avx2", List.of("now()", "null"),
            "x86-64-vnni", List.of());
    plane
        .database()
        .run(
            transaction ->
                revocations.forEach(
                    (profile, revokedAt) -> enrol(transaction, profile, revokedAt)));

    PackagingService.Choice choice = service.choice(List.of());
    plane
        .database()
        .run(
            transaction -> {
              transaction.update("delete from device_certificate");
              transaction.update("delete from device");
            });

    assertThat(choice.profiles()).containsExactly("arm64-neon", "x86-64-avx2", "x86-64-vnni");
  }

  /** A device, and a certificate for each time at which one was revoked. */
  private static void enrol(Transaction transaction, String profile, List<String> revokedAt) {
    transaction.update(
        """
          insert into device (id, tenant, labels, facts, profile, enrolled_at)
          values (?, 'default', '{}', '{}', ?, now())
          """,
        "of-" + profile,
        profile);
    for (int i = 0; i < revokedAt.size(); i++) {
      String name = profile + "-" + i;
      transaction.update(
          """
            insert into device_certificate (serial, tenant, device, fingerprint, key_sha256,
              csr_sha256, pem, not_before, not_after, issued_at, revoked_at)
            values (?, 'default', ?, ?, 'key', 'request', 'pem', now(), now() + interval '1 day',
              now(), %s)
            """
              .formatted(revokedAt.get(i)),
          name,
          "of-" + profile,
          name);
    }
  }

  /** A server of before V655 wrote no more of a candidate. */
  @Test
  void showsVariantsThatAnEarlierBuildKept() {
    ModelVersion version = new ModelVersion(new ModelName("dogs"), 1);
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  """
                    insert into model_version (model, version, source, format, blob, created_at)
                    values ('dogs', 1, 'import', 'onnx', 'x', now())
                    """);
              transaction.update(
                  """
                    insert into variant (model, version, profile, engine, precision, bytes, roc_auc,
                      p50_micros, measured, winner, manifest, signature, reason)
                    values ('dogs', 1, 'arm64-neon', 'tflite', 'int8', 2048, 0.9, 61, 'here', true,
                        'sha256:m', 'sha256:s', 'the fastest'),
                      ('dogs', 1, 'arm64-neon', 'onnxruntime', 'fp32', 8192, null,
                        null, 'none', false, null, null, null)
                    """);
            });
    ModelVersionView view = plane.bean(Registry.class).version(version);

    assertThat(view.variants())
        .extracting(Variant::state)
        .containsExactly(VariantState.RELEASED, VariantState.NOT_CHOSEN);
    assertThat(new StaticTemplates().variantpage(view, null, "ana").render())
        .contains("✓ ships", "the fastest", "61 µs", "2.0 KiB", "fp32")
        .doesNotContain("null");
  }
}
