package io.skerry.artifact.keys;

import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.artifact.trust.Delegation;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.artifact.trust.TrustException;
import io.skerry.protocol.ModelName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The next version of the root document: what it changes, and its signing by the keys of the
 * version before and by its own. With nothing to change it only prolongs.
 *
 * @param fresh roles that get new keys, as many as they have, with the same threshold
 * @param delegated what the automation key may release from now on; as before when absent
 * @param floors release counters below which no device begins; those that are set only rise
 */
public record Rotation(
    Set<Fresh> fresh, Optional<List<Scope>> delegated, Map<ModelName, Long> floors) {
  /** Roles whose keys can be made anew. */
  public enum Fresh {
    ROOT,
    RELEASE,
    DIRECTOR,
    SNAPSHOT,
    AUTOMATION
  }

  /** Models and profiles of a delegation. */
  public record Scope(Set<String> models, Set<String> profiles) {
    public Scope {
      models = Set.copyOf(models);
      profiles = Set.copyOf(profiles);
    }
  }

  public Rotation {
    fresh = Set.copyOf(fresh);
    delegated = delegated.map(List::copyOf);
    floors = Map.copyOf(floors);
  }

  /**
   * Signs and writes the next root document, and the keys that it names first. The new document is
   * proven to follow the old one before anything is written.
   *
   * @return the new document
   * @throws IOException if too few root keys are in the offline folder, or a file cannot be written
   */
  public RootDocument run(KeyFolder folder, Instant now) throws IOException {
    Trust trust = folder.trust();
    RootDocument before = trust.root();
    List<SigningKey> signers = signers(folder, before);
    Map<Path, SigningKey> offline = new HashMap<>();
    Map<String, SigningKey> online = new HashMap<>();
    Role root = before.root();
    if (fresh.contains(Fresh.ROOT)) {
      List<SigningKey> keys = offline(folder, "root", root.keys().size(), offline);
      signers.addAll(keys);
      root = role(keys, root.threshold());
    }
    Role release = before.release();
    if (fresh.contains(Fresh.RELEASE)) {
      release =
          role(offline(folder, "release", release.keys().size(), offline), release.threshold());
    }
    RootDocument next =
        new RootDocument(
            before.version() + 1,
            now.plus(KeyCeremony.ROOT_VALIDITY),
            root,
            release,
            online(Fresh.DIRECTOR, "director", before.director(), online),
            online(Fresh.SNAPSHOT, "snapshot", before.snapshot(), online),
            delegations(folder, before, online),
            floors(before));
    DsseEnvelope signed = next.signedBy(signers);
    try {
      trust.withRoot(signed);
    } catch (TrustException e) {
      throw new IOException("the next root would be refused: " + e.getMessage(), e);
    }
    write(folder, next, signed, offline, online);
    return next;
  }

  private static List<SigningKey> signers(KeyFolder folder, RootDocument before)
      throws IOException {
    List<SigningKey> signers = new ArrayList<>();
    for (SigningKey key : folder.offlineKeys("root")) {
      if (before.root().keys().contains(key.verificationKey())) {
        signers.add(key);
      }
    }
    if (signers.size() < before.root().threshold()) {
      throw new IOException(
          "root %d can only be followed by what %d of its root keys sign, %s holds %d of them: copy the others there"
              .formatted(
                  before.version(), before.root().threshold(), folder.offline(), signers.size()));
    }
    return signers;
  }

  private static List<SigningKey> offline(
      KeyFolder folder, String name, int count, Map<Path, SigningKey> made) {
    List<SigningKey> keys = new ArrayList<>();
    for (int number = 1; keys.size() < count; number++) {
      Path file = folder.offlineKey(name, number);
      if (!Files.exists(file)) {
        SigningKey key = SigningKey.generate();
        made.put(file, key);
        keys.add(key);
      }
    }
    return keys;
  }

  private Role online(Fresh role, String name, Role before, Map<String, SigningKey> made) {
    if (!fresh.contains(role)) {
      return before;
    }
    SigningKey key = SigningKey.generate();
    made.put(name, key);
    return Role.of(key.verificationKey());
  }

  private List<Delegation> delegations(
      KeyFolder folder, RootDocument before, Map<String, SigningKey> made) throws IOException {
    if (delegated.isEmpty() && !fresh.contains(Fresh.AUTOMATION)) {
      return before.delegations();
    }
    VerificationKey key;
    if (fresh.contains(Fresh.AUTOMATION) || !Files.exists(folder.onlineKey("automation"))) {
      SigningKey automation = SigningKey.generate();
      made.put("automation", automation);
      key = automation.verificationKey();
    } else {
      key = SigningKey.read(folder.onlineKey("automation")).verificationKey();
    }
    List<Scope> scopes =
        delegated.orElseGet(
            () ->
                before.delegations().stream()
                    .map(old -> new Scope(old.models(), old.profiles()))
                    .toList());
    return scopes.stream()
        .map(scope -> new Delegation(key, scope.models(), scope.profiles()))
        .toList();
  }

  private Map<ModelName, Long> floors(RootDocument before) {
    Map<ModelName, Long> next = new HashMap<>(before.floors());
    floors.forEach((model, counter) -> next.merge(model, counter, Math::max));
    return next;
  }

  private static Role role(List<SigningKey> keys, int threshold) {
    return new Role(keys.stream().map(SigningKey::verificationKey).toList(), threshold);
  }

  /** Keys before the document that names them; online keys take their place only after it. */
  private static void write(
      KeyFolder folder,
      RootDocument next,
      DsseEnvelope signed,
      Map<Path, SigningKey> offline,
      Map<String, SigningKey> online)
      throws IOException {
    for (Map.Entry<Path, SigningKey> key : offline.entrySet()) {
      key.getValue().write(key.getKey());
    }
    Set<String> names = new LinkedHashSet<>(online.keySet());
    for (String name : names) {
      Path file = folder.onlineKey(name + ".next");
      Files.deleteIfExists(file);
      SigningKey key = online.get(name);
      if (key != null) {
        key.write(file);
      }
    }
    Files.write(folder.rootFile(next.version()), signed.toJson(), StandardOpenOption.CREATE_NEW);
    for (String name : names) {
      Files.move(
          folder.onlineKey(name + ".next"),
          folder.onlineKey(name),
          StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
