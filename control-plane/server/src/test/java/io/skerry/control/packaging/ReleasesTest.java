package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.ModelVersionView;
import io.skerry.api.RolloutRequest;
import io.skerry.api.Variant;
import io.skerry.api.VariantState;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.ReleaseFile;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.registry.Registry;
import io.skerry.control.rollout.Rollouts;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.web.ProblemException;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A server that may release nothing by itself: two of three release keys lie elsewhere. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReleasesTest {
  private static final Actor ANA = new Actor("ana", "request-1");
  private static final String NEON = "arm64-neon";
  private static final String AVX2 = "x86-64-avx2";

  private final Path folder;
  private final SigningKey one = SigningKey.generate();
  private final SigningKey two = SigningKey.generate();
  private final SigningKey three = SigningKey.generate();
  private final TestPlane plane;
  private final Releases releases;
  private final ArtifactStore artifacts;
  private long versions;

  ReleasesTest(@TempDir Path folder) throws IOException {
    this.folder = folder;
    Path data = Files.createDirectory(folder.resolve("data"));
    writeOnlineKeys(Files.createDirectory(data.resolve("keys")));
    plane = TestPlane.start(data);
    releases = plane.bean(Releases.class);
    artifacts = plane.bean(ArtifactStore.class);
  }

  @AfterAll
  void close() throws IOException {
    plane.close();
  }

  private void writeOnlineKeys(Path keys) throws IOException {
    KeyFolder online = new KeyFolder(keys, keys.resolve("offline"));
    SigningKey root = SigningKey.generate();
    SigningKey director = SigningKey.generate();
    SigningKey snapshot = SigningKey.generate();
    RootDocument document =
        new RootDocument(
            1,
            Instant.now().plus(Duration.ofDays(365)),
            Role.of(root.verificationKey()),
            new Role(
                List.of(one.verificationKey(), two.verificationKey(), three.verificationKey()), 2),
            Role.of(director.verificationKey()),
            Role.of(snapshot.verificationKey()),
            List.of(),
            Map.of(new ModelName("floored"), 50L));
    director.write(online.onlineKey("director"));
    snapshot.write(online.onlineKey("snapshot"));
    Files.write(online.rootFile(1), document.signedBy(List.of(root)).toJson());
  }

  /** A version with two unsigned variants, as packaging leaves it. */
  private ModelVersion packaged(String model) {
    ModelVersion version = new ModelVersion(new ModelName(model), ++versions);
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values (?, ?, 'import', 'onnx', 'x', now())
        """,
        model,
        version.version());
    packagedFor(version, NEON, 7);
    packagedFor(version, AVX2, 7);
    return version;
  }

  private void packagedFor(ModelVersion version, String profile, long counter) {
    sql(
        "delete from variant where model = ? and version = ? and profile = ?",
        version.model().value(),
        version.version(),
        profile);
    sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest)
        values (?, ?, ?, 'onnxruntime', 'int8', 3, 'none', true, ?)
        """,
        version.model().value(),
        version.version(),
        profile,
        artifact(version, profile, counter).toString());
  }

  private Digest artifact(ModelVersion version, String profile, long counter) {
    Path layout = folder.resolve("%s-%s-%d".formatted(version, profile, counter));
    try {
      new ArtifactWriter(
              version,
              new ProfileId(profile),
              Engine.ONNXRUNTIME,
              Precision.INT8,
              counter,
              new ModelSignature(
                  List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 4L))),
                  List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
          .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1, 2, 3})
          .write(layout, List.of());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return artifacts.importLayout(layout).model();
  }

  private void sql(String statement, @Nullable Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }

  private List<Variant> variants(ModelVersion version) {
    return plane.bean(Registry.class).version(version).variants();
  }

  private long audited(ModelVersion version) {
    return plane
        .database()
        .<Long>call(
            transaction ->
                transaction.number(
                    "select count(*) from audit_entry where act = 'release.signed' and actor = 'ana'"
                        + " and object = ?",
                    "model/" + version));
  }

  private void refused(ModelVersion version, byte[] file, ErrorCode code, String... words) {
    List<Variant> before = variants(version);

    assertThatThrownBy(() -> releases.sign(ANA, version, file))
        .isInstanceOf(ProblemException.class)
        .hasMessageContainingAll(words)
        .satisfies(e -> assertThat(((ProblemException) e).code()).isEqualTo(code));

    assertThat(variants(version)).isEqualTo(before);
    assertThat(audited(version)).isZero();
  }

  private void rollOut(ModelVersion version) {
    plane
        .bean(Rollouts.class)
        .create(
            ANA,
            new RolloutRequest(
                version.model().value(),
                version.version(),
                null,
                null,
                null,
                null,
                null,
                List.of(RolloutRequest.StageRequest.ofPercent(100)),
                null,
                null,
                0,
                5000,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null));
  }

  @Test
  void releasesWhatEnoughKeyHoldersSigned() {
    ModelVersion version = packaged("engine-health");
    assertThat(variants(version))
        .hasSize(2)
        .allMatch(variant -> variant.state() == VariantState.AWAITING_SIGNATURE);
    assertThatThrownBy(() -> rollOut(version))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining(
            "%1$s awaits the release key's signature for arm64-neon, x86-64-avx2", version)
        .hasMessageContaining("'./skerry get release %s --out unsigned.json'", version);
    byte[] signed =
        ReleaseFile.parse(releases.file(version).toJson())
            .signedBy(List.of(one))
            .signedBy(List.of(three))
            .toJson();

    ModelVersionView view = releases.sign(ANA, version, signed);

    assertThat(view.variants()).allMatch(variant -> variant.state() == VariantState.RELEASED);
    for (Variant variant : view.variants()) {
      DsseEnvelope envelope =
          DsseEnvelope.parseJson(
              artifacts.bytes(Digest.parse(String.valueOf(variant.signature())), 1 << 20));
      assertThat(plane.bean(SigningKeys.class).trust().released(envelope).profile().value())
          .isEqualTo(variant.profile());
    }
    assertThat(audited(version)).isEqualTo(2);
    assertThatThrownBy(() -> rollOut(version))
        .hasMessageContaining("no device can run engine-health@1");
    assertThat(releases.sign(ANA, version, signed)).as("again").isEqualTo(view);
    assertThat(audited(version)).isEqualTo(2);
    assertThat(releases.file(version).toJson()).as("what is signed goes on").isEqualTo(signed);
  }

  @Test
  void refusesTooFewSignatures() {
    ModelVersion version = packaged("engine-health");

    refused(
        version,
        releases.file(version).signedBy(List.of(two)).toJson(),
        ErrorCode.ARTIFACT_SIGNATURE_INVALID,
        "'variants[0].signatures' has 1 of the 2 needed",
        one.verificationKey().id());
  }

  @Test
  void storesNothingWhenOneOfTheVariantsIsNotSigned() {
    ModelVersion version = packaged("engine-health");
    ReleaseFile unsigned = releases.file(version);
    ReleaseFile signed = unsigned.signedBy(List.of(one, two));

    refused(
        version,
        with(signed, List.of(signed.variants().get(0), unsigned.variants().get(1))).toJson(),
        ErrorCode.ARTIFACT_SIGNATURE_INVALID,
        "'variants[1].signatures' has 0 of the 2");
  }

  @Test
  void refusesKeysThatRootDoesNotName() {
    ModelVersion version = packaged("engine-health");
    SigningKey stranger = SigningKey.generate();
    ReleaseFile file = releases.file(version);
    ReleaseFile claiming =
        new ReleaseFile(version, 1, Role.of(stranger.verificationKey()), file.variants());

    refused(
        version,
        claiming.signedBy(List.of(stranger)).toJson(),
        ErrorCode.ARTIFACT_SIGNATURE_INVALID,
        "'variants[0].signatures[0]' is by key " + stranger.verificationKey().id());
  }

  @Test
  void takesSomeVariantsAndLeavesTheOthersWaiting() {
    ModelVersion version = packaged("engine-health");
    ReleaseFile signed = releases.file(version).signedBy(List.of(one, two));

    releases.sign(ANA, version, with(signed, signed.variants().subList(0, 1)).toJson());

    assertThat(variants(version))
        .extracting(Variant::state)
        .containsExactly(VariantState.RELEASED, VariantState.AWAITING_SIGNATURE);
    assertThatThrownBy(() -> rollOut(version)).hasMessageContaining("signature for x86-64-avx2:");
  }

  private static ReleaseFile with(ReleaseFile file, List<ReleaseFile.Released> variants) {
    return new ReleaseFile(file.model(), file.rootVersion(), file.release(), variants);
  }

  @Test
  void refusesTheFileOfAnotherVersion() {
    ModelVersion version = packaged("engine-health");
    ModelVersion other = packaged("engine-health");

    refused(
        version,
        releases.file(other).signedBy(List.of(one, two)).toJson(),
        ErrorCode.REQUEST_INVALID,
        "field 'model' and 'version' say " + other);
  }

  @Test
  void refusesWhatWasPackagedAgainSinceItWasSigned() {
    ModelVersion version = packaged("engine-health");
    byte[] signed = releases.file(version).signedBy(List.of(one, two)).toJson();
    packagedFor(version, AVX2, 8);

    refused(
        version,
        signed,
        ErrorCode.STATE_CONFLICT,
        "'variants[1].digest'",
        "packaged again, get the release again");
  }

  @Test
  void refusesAProfileThatTheVersionDoesNotHave() {
    ModelVersion version = packaged("engine-health");
    byte[] signed = releases.file(version).signedBy(List.of(one, two)).toJson();
    sql(
        "delete from variant where model = ? and version = ? and profile = ?",
        version.model().value(),
        version.version(),
        AVX2);

    refused(
        version, signed, ErrorCode.REQUEST_INVALID, "'variants[1].profile'", "not packaged for");
  }

  @Test
  void refusesAReleaseBelowTheFloor() {
    ModelVersion version = packaged("floored");

    refused(
        version,
        releases.file(version).signedBy(List.of(one, two)).toJson(),
        ErrorCode.RELEASE_COUNTER_TOO_LOW,
        "release counter 7, at least 50");
  }

  @Test
  void refusesWhatIsNoReleaseFile() {
    ModelVersion version = packaged("engine-health");

    refused(
        version,
        "{}".getBytes(StandardCharsets.UTF_8),
        ErrorCode.ARTIFACT_MALFORMED,
        "release file: field 'variants'");
  }

  @Test
  void hasNothingToSignOfAVersionThatNobodyPackaged() {
    ModelVersion version = packaged("engine-health");
    sql(
        "delete from variant where model = ? and version = ?",
        version.model().value(),
        version.version());

    assertThatThrownBy(() -> releases.file(version))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("'./skerry create variants %s'", version);
  }

  @Test
  void countsNoReleaseThatIsNotSigned() {
    ModelVersion version = packaged("counted");
    sql(
        "insert into job (id, kind, subject, state, created_at) values (?, 'package', 'x',"
            + " 'SUCCEEDED', now())",
        "job-counted");
    sql(
        """
        insert into packaging (job, model, version, profiles, release_counter, state, created_at)
        values ('job-counted', 'counted', ?, ?, 7, 'SUCCEEDED', now())
        """,
        version.version(),
        List.of(NEON, AVX2));
    assertThat(newestCounter()).isZero();

    releases.sign(ANA, version, releases.file(version).signedBy(List.of(two, three)).toJson());

    assertThat(newestCounter()).isEqualTo(7);
  }

  private long newestCounter() {
    return plane
        .database()
        .<Long>call(transaction -> PackagingStore.newestReleaseCounter(transaction, "counted"));
  }
}
