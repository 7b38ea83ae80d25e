package io.skerry.packager.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.ReleaseFile;
import io.skerry.artifact.trust.Role;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SignReleaseTest {
  private static final ModelVersion VERSION = ModelVersion.parse("engine-health@3");

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final SigningKey ana = SigningKey.generate();
  private final SigningKey ben = SigningKey.generate();
  private final Role release = new Role(List.of(ana.verificationKey(), ben.verificationKey()), 2);

  @BeforeEach
  void bring() throws IOException {
    ana.write(Files.createDirectory(folder.resolve("ana")).resolve("release.pem"));
    ben.write(Files.createDirectory(folder.resolve("ben")).resolve("release.pem"));
    Files.createDirectory(folder.resolve("nobody"));
    Files.write(file("unsigned.json"), unsigned().toJson());
  }

  private Path file(String name) {
    return folder.resolve(name);
  }

  private ReleaseFile unsigned() throws IOException {
    OciLayout layout =
        new ArtifactWriter(
                VERSION,
                new ProfileId("rpi5-int8"),
                Engine.ONNXRUNTIME,
                Precision.INT8,
                7,
                new ModelSignature(
                    List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 4L))),
                    List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
            .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1, 2, 3})
            .write(folder.resolve("artifact"), List.of());
    assertThat(
            DsseEnvelope.parseJson(Files.readAllBytes(layout.blob(layout.signature())))
                .signatures())
        .isEmpty();
    return new ReleaseFile(
        VERSION,
        2,
        release,
        List.of(
            ReleaseFile.Released.of(Files.readAllBytes(layout.blob(layout.model())), List.of())));
  }

  private int sign(String keys, String in, String target) {
    return Main.run(
        new PrintWriter(out, true),
        new PrintWriter(err, true),
        "sign",
        "release",
        "--keys",
        file(keys).toString(),
        "--in",
        file(in).toString(),
        "--out",
        file(target).toString());
  }

  @Test
  void addsOneSignatureAfterTheOther() throws IOException {
    assertThat(sign("ana", "unsigned.json", "one.json")).as(err.toString()).isZero();
    assertThat(out.toString())
        .contains("engine-health@3", "rpi5-int8", " 7 ", ana.verificationKey().id())
        .contains(unsignedDigest())
        .contains("1 of 2 needed signatures: the next key holder signs one.json");
    out.getBuffer().setLength(0);

    assertThat(sign("ben", "one.json", "signed.json")).as(err.toString()).isZero();

    assertThat(out.toString())
        .contains(
            "2 of 2 needed signatures: './skerry create signature engine-health@3 -f signed.json'");
    ReleaseFile.parse(Files.readAllBytes(file("signed.json"))).requireReleased(release);
  }

  private String unsignedDigest() throws IOException {
    return ReleaseFile.parse(Files.readAllBytes(file("unsigned.json")))
        .variants()
        .getFirst()
        .digest()
        .toString();
  }

  @Test
  void takesOfSeveralKeysThoseThatCount() throws IOException {
    SigningKey old = SigningKey.generate();
    old.write(file("ana").resolve("release.2.pem"));

    assertThat(sign("ana", "unsigned.json", "one.json")).as(err.toString()).isZero();

    assertThat(
            ReleaseFile.parse(Files.readAllBytes(file("one.json")))
                .variants()
                .getFirst()
                .envelope()
                .signatures())
        .singleElement()
        .satisfies(one -> assertThat(one.keyId()).isEqualTo(ana.verificationKey().id()));
  }

  @Test
  void namesTheKeysThatAreMissing() throws IOException {
    assertThat(sign("nobody", "unsigned.json", "out.json")).isEqualTo(1);
    assertThat(err.toString()).contains("holds no release key");

    SigningKey.generate().write(file("nobody").resolve("release.pem"));
    assertThat(sign("nobody", "unsigned.json", "out.json")).isEqualTo(1);

    assertThat(err.toString()).contains("counts only", ana.verificationKey().id());
    assertThat(file("out.json")).doesNotExist();
  }

  @Test
  void signsNothingThatIsNotWhatItSays() throws IOException {
    Files.writeString(
        file("other.json"),
        Files.readString(file("unsigned.json")).replace("\"version\": 3", "\"version\": 4"));

    assertThat(sign("ana", "other.json", "out.json")).isEqualTo(1);

    assertThat(err.toString().lines())
        .singleElement()
        .asString()
        .contains(
            "other.json is not signed", "is of engine-health@3, the file is of engine-health@4");
    assertThat(file("out.json")).doesNotExist();
  }

  @Test
  void refusesSignaturesThatAreNone() throws IOException {
    sign("ana", "unsigned.json", "one.json");
    String signed = Files.readString(file("one.json"));
    Files.writeString(
        file("forged.json"),
        signed.replace(ana.verificationKey().id(), ben.verificationKey().id()));

    assertThat(sign("ben", "forged.json", "out.json")).isEqualTo(1);

    assertThat(err.toString()).contains("'variants[0].signatures[0]' is no signature");
    assertThat(file("out.json")).doesNotExist();
  }

  @Test
  void refusesWhatIsNoFileOfRelease() throws IOException {
    assertThat(sign("ana", "missing.json", "out.json")).isEqualTo(1);
    assertThat(err.toString()).contains("there is no file");

    Files.writeString(file("noise.json"), "noise", StandardCharsets.UTF_8);
    assertThat(sign("ana", "noise.json", "out.json")).isEqualTo(1);
    assertThat(err.toString()).contains("noise.json is not signed: release file: it is no JSON");
  }
}
