package io.skerry.packager;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ArtifactReader;
import io.skerry.artifact.BlobSource;
import io.skerry.artifact.Layer;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.ReleaseCheck;
import io.skerry.artifact.sign.VerificationKey;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code skerry pack verify DIR --key PUB}: signature and every digest. */
@Command(
    name = "verify",
    description = "Check an artifact's signature and every digest.",
    mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {
  private static final int RAW_KEY_BYTES = 32;
  private static final int KEY_BYTES_MAX = 4096;

  @Spec @Nullable CommandSpec spec;

  @Parameters(paramLabel = "DIR", description = "Folder in OCI image layout.")
  Path folder = Path.of("");

  @Option(
      names = "--key",
      required = true,
      description = "Public release key: a file with 64 hex digits or a PEM, or the digits.")
  String key = "";

  @Override
  public Integer call() throws IOException {
    try {
      return verified();
    } catch (ArtifactException e) {
      throw RefusedArtifact.told(folder, e);
    }
  }

  private int verified() throws IOException {
    OciLayout layout = OciLayout.read(folder);
    ArtifactReader reader =
        new ArtifactReader(
            BlobSource.ofLayout(folder), ReleaseCheck.byKeys(List.of(verificationKey(key))));
    ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
    for (Layer layer : manifest.layers()) {
      reader.verify(layer);
    }
    // No signature is over what was measured, but what was changed since is not what it is named.
    layout.blobs().forEach(reader::verify);
    if (spec != null) {
      PrintWriter out = spec.commandLine().getOut();
      out.printf(
          "%s for %s: signature and %d layers are right%s%n",
          manifest.model(),
          manifest.profile(),
          manifest.layers().size(),
          layout.measurements().isPresent() ? "; what was measured is whole, but not signed" : "");
      out.flush();
    }
    return 0;
  }

  private static VerificationKey verificationKey(String key) throws IOException {
    if (key.matches("[0-9a-fA-F]{64}")) {
      return VerificationKey.ofHex(key.toLowerCase(Locale.ROOT));
    }
    try (InputStream file = Files.newInputStream(PackCommand.file("--key", Path.of(key)))) {
      // What is longer is cut, and no key then.
      byte[] text = file.readNBytes(KEY_BYTES_MAX);
      return parsed(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text)).toString().strip());
    } catch (IllegalArgumentException | CharacterCodingException e) {
      throw new IllegalArgumentException(
          "%s is no public key: give 64 hex digits or a PEM of type PUBLIC KEY".formatted(key), e);
    }
  }

  private static VerificationKey parsed(String text) {
    if (!text.startsWith("-----BEGIN PUBLIC KEY-----")) {
      return VerificationKey.ofHex(text);
    }
    byte[] encoded = Base64.getMimeDecoder().decode(text.replaceAll("-----[A-Z ]+-----", ""));
    // An Ed25519 key's X.509 form ends with the raw key.
    return VerificationKey.ofRaw(
        Arrays.copyOfRange(encoded, Math.max(0, encoded.length - RAW_KEY_BYTES), encoded.length));
  }
}
