package io.skerry.artifact.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReleaseFileTest {
  private static final List<SigningKey> KEYS = List.of(Fleet.key(1), Fleet.key(2), Fleet.key(3));
  private static final Role RELEASE =
      new Role(KEYS.stream().map(SigningKey::verificationKey).toList(), 2);
  private static final ModelVersion VERSION = ModelVersion.parse("engine-health@3");

  @TempDir Path folder;

  private byte[] manifest(String model, String profile) throws IOException {
    OciLayout layout =
        Fleet.artifact(
            folder.resolve(model + "-" + profile), model, profile, 7, SigningKey.generate());
    return Files.readAllBytes(layout.blob(layout.model()));
  }

  private ReleaseFile unsigned() throws IOException {
    return new ReleaseFile(
        VERSION,
        2,
        RELEASE,
        List.of(
            ReleaseFile.Released.of(manifest("engine-health", "rpi5-int8"), List.of()),
            ReleaseFile.Released.of(manifest("engine-health", "x86-64-avx2"), List.of())));
  }

  private byte[] changed(Consumer<JsonObject> change) throws IOException {
    JsonObject object =
        JsonParser.parseString(new String(unsigned().toJson(), StandardCharsets.UTF_8))
            .getAsJsonObject();
    change.accept(object);
    return object.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static JsonObject variant(JsonObject file, int index) {
    return file.getAsJsonArray("variants").get(index).getAsJsonObject();
  }

  @Test
  void comesBackFromItsJsonAsItWas() throws IOException {
    ReleaseFile signed = unsigned().signedBy(KEYS.subList(0, 1));

    ReleaseFile read = ReleaseFile.parse(signed.toJson());

    assertThat(read).isEqualTo(signed);
    assertThat(read.toJson()).isEqualTo(signed.toJson());
  }

  @Test
  void collectsSignaturesUntilThereAreEnough() throws IOException {
    ReleaseFile one = unsigned().signedBy(KEYS.subList(0, 1));
    assertThatThrownBy(() -> one.requireReleased(RELEASE))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("'variants[0].signatures' has 1 of the 2")
        .hasMessageContaining(KEYS.get(2).verificationKey().id());

    ReleaseFile two = ReleaseFile.parse(one.toJson()).signedBy(KEYS.subList(2, 3));

    two.requireReleased(RELEASE);
    assertThat(two.signedBy(KEYS.subList(2, 3))).as("signing again changes nothing").isEqualTo(two);
  }

  @Test
  void countsAKeyOnceHoweverOftenItSigned() throws IOException {
    ReleaseFile one = unsigned().signedBy(KEYS.subList(0, 1));
    DsseSignature signature = one.variants().getFirst().envelope().signatures().getFirst();
    ReleaseFile twice =
        new ReleaseFile(
            VERSION,
            2,
            RELEASE,
            List.of(
                ReleaseFile.Released.of(
                    manifest("engine-health", "rpi5-int8"), Collections.nCopies(2, signature))));

    assertThatThrownBy(() -> twice.requireReleased(RELEASE))
        .hasMessageContaining("has 1 of the 2 needed");
  }

  @Test
  void refusesASignatureThatNobodyCanCheck() throws IOException {
    ReleaseFile foreign = unsigned().signedBy(List.of(KEYS.get(0), KEYS.get(1), Fleet.key(9)));

    assertThatThrownBy(() -> foreign.requireReleased(RELEASE))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("'variants[0].signatures[2]' is by key")
        .hasMessageContaining("no release key");
  }

  @Test
  void refusesASignatureOverAnotherManifest() throws IOException {
    ReleaseFile signed = unsigned().signedBy(KEYS.subList(0, 2));
    List<DsseSignature> others = signed.variants().get(1).envelope().signatures();
    ReleaseFile swapped =
        new ReleaseFile(
            VERSION,
            2,
            RELEASE,
            List.of(
                ReleaseFile.Released.of(manifest("engine-health", "rpi5-int8"), others),
                signed.variants().get(1)));

    assertThatThrownBy(() -> swapped.requireReleased(RELEASE))
        .hasMessageContaining("'variants[0].signatures[0]' is no signature by release key");
  }

  @Test
  void refusesAManifestOfAnotherVersion() throws IOException {
    byte[] other = manifest("other", "rpi5-int8");

    assertThatThrownBy(
            () ->
                new ReleaseFile(
                    VERSION, 2, RELEASE, List.of(ReleaseFile.Released.of(other, List.of()))))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("'variants[0].manifest' is of other@3, the file is of engine-health");
  }

  record Fault(String named, ErrorCode code, Consumer<JsonObject> change) {
    @Override
    public String toString() {
      return named;
    }
  }

  static Stream<Fault> faults() {
    return Stream.of(
        malformed("'version'", file -> file.addProperty("version", 0)),
        malformed("file is of engine-health@4", file -> file.addProperty("version", 4)),
        malformed("'release'", file -> file.remove("release")),
        malformed("threshold", file -> file.getAsJsonObject("release").addProperty("threshold", 9)),
        malformed("'variants' holds 0", file -> file.add("variants", new JsonArray())),
        malformed(
            "'variants[1]' is no object",
            file -> file.getAsJsonArray("variants").set(1, file.get("model"))),
        malformed(
            "variants[1]: field 'manifest'", file -> variant(file, 1).addProperty("manifest", "%")),
        malformed(
            "'variants[1].profile' is 'rpi5-int8'",
            file -> variant(file, 1).addProperty("profile", "rpi5-int8")),
        malformed("variants[0]: field 'signatures'", file -> variant(file, 0).remove("signatures")),
        malformed(
            "'variants[1].profile' is rpi5-int8, like",
            file -> file.getAsJsonArray("variants").set(1, variant(file, 0))),
        new Fault(
            "'variants[0].digest'",
            ErrorCode.ARTIFACT_DIGEST_MISMATCH,
            file -> variant(file, 0).add("digest", variant(file, 1).get("digest"))),
        malformed(
            "'variants[0].manifest' is no model manifest",
            file -> {
              byte[] text = "{}".getBytes(StandardCharsets.UTF_8);
              variant(file, 0).addProperty("manifest", Base64.getEncoder().encodeToString(text));
              variant(file, 0).addProperty("digest", io.skerry.protocol.Digest.of(text).toString());
            }));
  }

  private static Fault malformed(String named, Consumer<JsonObject> change) {
    return new Fault(named, ErrorCode.ARTIFACT_MALFORMED, change);
  }

  @ParameterizedTest
  @MethodSource("faults")
  void namesTheFieldThatIsWrong(Fault fault) throws IOException {
    byte[] json = changed(fault.change());

    assertThatThrownBy(() -> ReleaseFile.parse(json))
        .isInstanceOf(ArtifactException.class)
        .hasMessageStartingWith("release file: ")
        .hasMessageContaining(fault.named())
        .satisfies(e -> assertThat(((ArtifactException) e).code()).isEqualTo(fault.code()));
  }

  @Test
  void refusesWhatIsTooLargeOrNoJson() {
    assertThatThrownBy(() -> ReleaseFile.parse(new byte[ReleaseFile.BYTES_MAX + 1]))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("more than");
    assertThatThrownBy(() -> ReleaseFile.parse("signed".getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("no JSON");
  }

  @Test
  void holdsAtMostSoManyVariants() throws IOException {
    ReleaseFile.Released one =
        ReleaseFile.Released.of(manifest("engine-health", "rpi5-int8"), List.of());

    assertThatThrownBy(
            () ->
                new ReleaseFile(
                    VERSION, 2, RELEASE, Collections.nCopies(ReleaseFile.VARIANTS_MAX + 1, one)))
        .hasMessageContaining("holds 201 variants");
  }
}
