package io.skerry.artifact.keys;

import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.artifact.trust.Delegation;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Makes the first keys of a fleet. */
public final class KeyCeremony {
  /** How long a root document is valid. */
  public static final Duration ROOT_VALIDITY = Duration.ofDays(365);

  /**
   * What is wanted.
   *
   * @param rootKeys how many root keys, 1 to {@link Role#KEYS_MAX}
   * @param rootThreshold how many of them must agree
   * @param models what the automation key may release; nothing is delegated when empty
   * @param profiles for which hardware profiles it may
   */
  public record Plan(int rootKeys, int rootThreshold, List<String> models, List<String> profiles) {
    /** One root key; the automation key may release everything. */
    public static final Plan DEFAULT =
        new Plan(1, 1, List.of(Delegation.ANY), List.of(Delegation.ANY));

    public Plan {
      models = List.copyOf(models);
      profiles = List.copyOf(profiles);
    }
  }

  private KeyCeremony() {}

  /**
   * Makes every key and version 1 of the root document.
   *
   * @throws FileAlreadyExistsException if a key is there already: none is ever written over
   * @throws IllegalArgumentException if the plan is impossible
   */
  public static void create(KeyFolder folder, Plan plan, Instant now) throws IOException {
    Files.createDirectories(folder.online());
    Files.createDirectories(folder.offline());
    restrict(folder.online());
    restrict(folder.offline());
    if (folder.exists()) {
      throw new FileAlreadyExistsException(folder.rootFile(1).toString());
    }
    List<SigningKey> roots = new ArrayList<>();
    for (int i = 1; i <= plan.rootKeys(); i++) {
      roots.add(SigningKey.generate());
    }
    SigningKey release = SigningKey.generate();
    SigningKey director = SigningKey.generate();
    SigningKey snapshot = SigningKey.generate();
    SigningKey automation = SigningKey.generate();
    RootDocument document =
        new RootDocument(
            1,
            now.plus(ROOT_VALIDITY),
            new Role(verificationKeys(roots), plan.rootThreshold()),
            Role.of(release.verificationKey()),
            Role.of(director.verificationKey()),
            Role.of(snapshot.verificationKey()),
            plan.models().isEmpty()
                ? List.of()
                : List.of(
                    new Delegation(
                        automation.verificationKey(),
                        Set.copyOf(plan.models()),
                        Set.copyOf(plan.profiles()))),
            Map.of());
    DsseEnvelope signed = document.signedBy(roots);
    for (int i = 0; i < roots.size(); i++) {
      roots.get(i).write(folder.offlineKey("root", i + 1));
    }
    release.write(folder.offlineKey("release", 1));
    director.write(folder.onlineKey("director"));
    snapshot.write(folder.onlineKey("snapshot"));
    automation.write(folder.onlineKey("automation"));
    // Last: a folder without it is an unfinished one.
    Files.write(folder.rootFile(1), signed.toJson());
  }

  private static void restrict(Path folder) throws IOException {
    if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    }
  }

  private static List<VerificationKey> verificationKeys(List<SigningKey> keys) {
    return keys.stream().map(SigningKey::verificationKey).toList();
  }
}
