package io.skerry.packager.keys;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.artifact.trust.ReleaseFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Signs what a control plane may not sign by itself. */
@Command(name = "sign", description = "Signs what a control plane may not sign by itself.")
final class SignCommand {
  @Spec @Nullable CommandSpec spec;

  @Command(
      name = "release",
      description =
          "Signs the variants in a file of 'get release' with the release keys of a folder, beside"
              + " the signatures that are there.",
      mixinStandardHelpOptions = true)
  int release(
      @Option(
              names = "--keys",
              required = true,
              paramLabel = "DIR",
              description = "folder with release.pem: 'offline' of 'create keys'")
          Path folder,
      @Option(
              names = "--in",
              required = true,
              paramLabel = "FILE",
              description = "what 'get release' wrote, or what another key holder signed")
          Path in,
      @Option(
              names = "--out",
              required = true,
              paramLabel = "FILE",
              description = "the same with one more signature a key")
          Path out)
      throws IOException {
    ReleaseFile asked = read(in);
    List<SigningKey> keys = keys(folder, asked);
    ReleaseFile signed = asked.signedBy(keys);
    tell(signed, keys, out, fewest(signed, in));
    Path part = Files.createTempFile(out.toAbsolutePath().getParent(), "skerry-", ".part");
    try {
      Files.write(part, signed.toJson());
      Files.move(part, out, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
    return 0;
  }

  private static ReleaseFile read(Path in) throws IOException {
    if (!Files.isRegularFile(in)) {
      throw new IOException("there is no file " + in);
    }
    if (Files.size(in) > ReleaseFile.BYTES_MAX) {
      throw new IOException(
          "%s is no release file: it has more than %d bytes".formatted(in, ReleaseFile.BYTES_MAX));
    }
    try {
      ReleaseFile file = ReleaseFile.parse(Files.readAllBytes(in));
      file.signers(file.release());
      return file;
    } catch (ArtifactException e) {
      throw refused(in, e);
    }
  }

  private static IOException refused(Path in, ArtifactException e) {
    // The file comes from another machine: its words must not steer this terminal.
    return new IOException(
        "%s is not signed: %s"
            .formatted(in, String.valueOf(e.getMessage()).replaceAll("\\p{Cntrl}", "?")),
        e);
  }

  private static List<SigningKey> keys(Path folder, ReleaseFile asked) throws IOException {
    List<SigningKey> found = new KeyFolder(folder, folder).offlineKeys("release");
    if (found.isEmpty()) {
      throw new IOException(
          "%s holds no release key: name the folder with release.pem".formatted(folder));
    }
    List<SigningKey> counting =
        found.stream()
            .filter(key -> asked.release().keys().contains(key.verificationKey()))
            .toList();
    if (counting.isEmpty()) {
      throw new IOException(
          "%s holds release key %s, root %d of this control plane counts only %s: take one of these keys"
              .formatted(
                  folder,
                  ids(found.stream().map(SigningKey::verificationKey).toList()),
                  asked.rootVersion(),
                  ids(asked.release().keys())));
    }
    return counting;
  }

  private static int fewest(ReleaseFile signed, Path in) throws IOException {
    try {
      return signed.signers(signed.release()).stream().mapToInt(Set::size).min().orElse(0);
    } catch (ArtifactException e) {
      throw refused(in, e);
    }
  }

  private void tell(ReleaseFile signed, List<SigningKey> keys, Path out, int signatures) {
    PrintWriter printer = printer();
    printer.printf("%s, signed with release key %s:%n", signed.model(), ids(publicHalves(keys)));
    printer.printf(
        "  %-24s %-12s %-10s %12s %8s  %s%n",
        "PROFILE", "ENGINE", "PRECISION", "BYTES", "COUNTER", "MANIFEST");
    for (ReleaseFile.Released variant : signed.variants()) {
      ArtifactManifest manifest = variant.manifest();
      printer.print(
          String.format(
              Locale.ROOT,
              "  %-24s %-12s %-10s %12d %8d  %s%n",
              manifest.profile(),
              manifest.engine().text(),
              manifest.precision().text(),
              manifest.layerBytes(),
              manifest.releaseCounter(),
              variant.digest()));
    }
    int needed = signed.release().threshold();
    printer.printf(
        signatures >= needed
            ? "%d of %d needed signatures: './skerry create signature %s -f %s' releases it%n"
            : "%d of %d needed signatures: the next key holder signs %4$s%n",
        signatures,
        needed,
        signed.model(),
        out.getFileName());
    printer.flush();
  }

  private static List<VerificationKey> publicHalves(List<SigningKey> keys) {
    return keys.stream().map(SigningKey::verificationKey).toList();
  }

  private static String ids(Collection<VerificationKey> keys) {
    return keys.stream().map(VerificationKey::id).collect(Collectors.joining(", "));
  }

  private PrintWriter printer() {
    if (spec == null) {
      throw new IllegalStateException("only picocli makes this command");
    }
    return spec.commandLine().getOut();
  }
}
