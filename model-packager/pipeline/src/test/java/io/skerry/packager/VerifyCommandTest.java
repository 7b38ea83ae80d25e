package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyCommandTest {
  private static final SigningKey KEY = SigningKey.ofSeed(new byte[32]);

  @TempDir private Path folder;

  @Test
  void findsWhatWasWrittenRight() throws Exception {
    write("{}");

    assertThat(command().call()).isZero();
  }

  /** Nobody signs the figures that a variant was chosen by; a changed one is seen all the same. */
  @Test
  void noticesEveryBlobThatIsNotWhatItIsNamed() throws Exception {
    OciLayout written = write("{\"p50Micros\":100}");

    for (Digest digest : written.blobs()) {
      byte[] right = Files.readAllBytes(written.blob(digest));
      byte[] changed = right.clone();
      changed[changed.length / 2] ^= 1;
      Files.write(written.blob(digest), changed);

      assertThatThrownBy(() -> command().call()).as(digest.toString()).isNotNull();
      Files.write(written.blob(digest), right);
    }
    Files.writeString(
        written.blob(Digest.of("{\"p50Micros\":100}".getBytes(StandardCharsets.UTF_8))),
        "{\"p50Micros\":010}");
    assertThatThrownBy(() -> command().call()).hasMessageContaining("digest mismatch");
  }

  @Test
  void saysWhichArtifactIsDamagedAndWhatToDo() throws Exception {
    OciLayout written = write("{}");
    InspectCommand inspect = new InspectCommand();
    inspect.folder = written.folder();
    Files.write(written.blob(written.model()), new byte[10]);

    for (Callable<Integer> each : List.of(command(), inspect)) {
      assertThatThrownBy(each::call)
          .isInstanceOf(ArtifactException.class)
          .hasMessageContaining(written.folder().toString())
          .hasMessageEndingWith(": package it again, or fetch it again");
    }
  }

  @Test
  void saysWhatToDoWhereAnotherKeySigned() throws Exception {
    OciLayout written = write("{}");
    VerifyCommand command = command();

    command.key = SigningKey.generate().verificationKey().hex();
    assertThatThrownBy(command::call)
        .hasMessageStartingWith(written.folder() + ": ")
        .hasMessageEndingWith(
            "give the public key that its release was signed with, or package it again");
    command.key = Files.write(folder.resolve("noise"), new byte[] {-1, -2, 3}).toString();
    assertThatThrownBy(command::call)
        .hasMessage(
            command.key + " is no public key: give 64 hex digits or a PEM of type PUBLIC KEY");
    command.key = Huge.file(folder.resolve("huge")).toString();
    assertThatThrownBy(command::call)
        .hasMessage(
            command.key + " is no public key: give 64 hex digits or a PEM of type PUBLIC KEY");
    command.key = written.folder().toString();
    assertThatThrownBy(command::call)
        .hasMessage("--key %s is a folder: name a file".formatted(command.key));
  }

  private VerifyCommand command() {
    VerifyCommand command = new VerifyCommand();
    command.folder = folder.resolve("artifact");
    command.key = KEY.verificationKey().hex();
    return command;
  }

  private OciLayout write(String measurements) throws Exception {
    TensorSpec tensor = new TensorSpec("x", ElementType.FP32, List.of(-1L, 4L));
    return new ArtifactWriter(
            new ModelVersion(new ModelName("engine-health"), 3),
            new ProfileId("x86-64-vnni"),
            Engine.ONNXRUNTIME,
            Precision.INT8,
            7,
            new ModelSignature(List.of(tensor), List.of(tensor)))
        .add(LayerType.MODEL_ONNX, "model.onnx", new byte[100])
        .add(
            LayerType.MEASUREMENTS,
            "measurements.json",
            measurements.getBytes(StandardCharsets.UTF_8))
        .write(folder.resolve("artifact"), KEY);
  }
}
