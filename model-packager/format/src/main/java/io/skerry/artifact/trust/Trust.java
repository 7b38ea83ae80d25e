package io.skerry.artifact.trust;

import com.google.gson.JsonObject;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ReleaseCheck;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a device believes: the newest root it was led to step by step, the newest snapshot, and the
 * floors that both have set. Immutable; every document that is taken makes a new one, every
 * document that is refused leaves the old one as usable as before.
 *
 * <pre>
 * fingerprint -> root 1 -> root 2 -> ... -> root N     each signed by the one before and by itself
 *                                             |
 *               snapshot (short-lived) <- - - + - - -> release, delegations, director
 * </pre>
 *
 * <p>Follows the detailed client workflow of TUF 1.0.30, section 5: roots only one step at a time;
 * versions never go down; the same version is the same document; expiry is judged at the time the
 * update began; when root gives the snapshot role other keys, what the old keys had signed is
 * forgotten, so that a thief's huge version number does not outlive the stolen key.
 */
public final class Trust implements ReleaseCheck {
  private final DsseEnvelope rootEnvelope;
  private final RootDocument root;
  private final Optional<Signed> snapshot;
  private final Map<ModelName, Long> rootFloors;
  private final Map<ModelName, Long> snapshotFloors;

  /** A snapshot and the envelope that it came in. */
  private record Signed(DsseEnvelope envelope, Snapshot content) {}

  private Trust(
      DsseEnvelope rootEnvelope,
      RootDocument root,
      Optional<Signed> snapshot,
      Map<ModelName, Long> rootFloors,
      Map<ModelName, Long> snapshotFloors) {
    this.rootEnvelope = rootEnvelope;
    this.root = root;
    this.snapshot = snapshot;
    this.rootFloors = rootFloors;
    this.snapshotFloors = snapshotFloors;
  }

  /**
   * The beginning: version 1 of the root, known by its fingerprint.
   *
   * @param fingerprint SHA-256 of the root document's payload, 64 hex digits
   * @throws TrustException if it has another fingerprint, did not sign itself, or is not version 1
   */
  public static Trust pinned(DsseEnvelope first, String fingerprint) {
    String found = RootDocument.fingerprint(first);
    if (!found.equals(fingerprint)) {
      throw new TrustException(
          ErrorCode.ROOT_INVALID,
          "root has fingerprint %s, expected %s".formatted(found, fingerprint));
    }
    RootDocument root = selfSigned(first);
    if (root.version() != 1) {
      throw new TrustException(
          ErrorCode.ROOT_INVALID,
          "root has version %d: a fingerprint names version 1".formatted(root.version()));
    }
    return new Trust(first, root, Optional.empty(), root.floors(), Map.of());
  }

  /**
   * The version that a root says to have. Not proven.
   *
   * @throws TrustException if it is no root document
   */
  public static long versionOf(DsseEnvelope rootEnvelope) {
    return RootDocument.parse(rootEnvelope.unverifiedPayload()).version();
  }

  private static RootDocument selfSigned(DsseEnvelope envelope) {
    RootDocument root = RootDocument.parse(envelope.unverifiedPayload());
    open(root.root(), envelope, "root " + root.version() + " is not signed by its own root keys");
    return root;
  }

  private static byte[] open(Role keys, DsseEnvelope envelope, String fault) {
    try {
      return keys.open(envelope, RootDocument.PAYLOAD_TYPE);
    } catch (SignatureInvalidException e) {
      throw new TrustException(ErrorCode.ROOT_INVALID, fault + ": " + e.getMessage(), e);
    }
  }

  /**
   * Takes the next root. It may have expired: one that follows may not have.
   *
   * @throws TrustException if it is not the very next version, or not signed by enough root keys of
   *     the version before or of its own
   */
  public Trust withRoot(DsseEnvelope next) {
    byte[] payload =
        open(root.root(), next, "no root follows root " + root.version() + " in this envelope");
    RootDocument document = RootDocument.parse(payload);
    if (document.version() != root.version() + 1) {
      throw new TrustException(
          ErrorCode.ROOT_INVALID,
          "root %d cannot follow root %d: versions grow by one"
              .formatted(document.version(), root.version()));
    }
    selfSigned(next);
    boolean snapshotStays = document.snapshot().isSameAs(root.snapshot());
    return new Trust(
        next,
        document,
        snapshotStays ? snapshot : Optional.empty(),
        document.root().isSameAs(root.root())
            ? higher(rootFloors, document.floors())
            : document.floors(),
        snapshotStays ? snapshotFloors : Map.of());
  }

  /**
   * Takes a snapshot; the one that is known already changes nothing.
   *
   * @param updateBegan the time at which this update began, by a clock that never runs behind the
   *     last signed time
   * @throws TrustException with {@code SNAPSHOT_EXPIRED} if it has expired, with {@code
   *     SNAPSHOT_INVALID} if too few snapshot keys signed it, if it is older than the known one,
   *     another one with the same version, or was made for another root
   */
  public Trust withSnapshot(DsseEnvelope envelope, Instant updateBegan) {
    Snapshot next = opened(envelope);
    if (next.rootVersion() != root.version()) {
      throw refused(
          "is for root %d, known is root %d".formatted(next.rootVersion(), root.version()), next);
    }
    if (!next.issuedAt().isBefore(root.expires())) {
      throw refused(
          "is issued at %s, after its root expired at %s"
              .formatted(next.issuedAt(), root.expires()),
          next);
    }
    if (snapshot.isPresent()) {
      Signed known = snapshot.get();
      if (next.version() < known.content().version()) {
        throw refused("is older than the known %d".formatted(known.content().version()), next);
      }
      if (next.version() == known.content().version()) {
        if (!Arrays.equals(envelope.unverifiedPayload(), known.envelope().unverifiedPayload())) {
          throw refused("differs from the known one of the same version", next);
        }
        return this;
      }
    }
    if (!updateBegan.isBefore(next.expiresAt())) {
      throw new TrustException(
          ErrorCode.SNAPSHOT_EXPIRED,
          "snapshot %d expired at %s".formatted(next.version(), next.expiresAt()));
    }
    return new Trust(
        rootEnvelope,
        root,
        Optional.of(new Signed(envelope, next)),
        rootFloors,
        higher(snapshotFloors, next.floors()));
  }

  private Snapshot opened(DsseEnvelope envelope) {
    try {
      return Snapshot.open(envelope, root.snapshot());
    } catch (SignatureInvalidException e) {
      throw new TrustException(
          ErrorCode.SNAPSHOT_INVALID,
          "snapshot is not signed by the snapshot keys of root %d: %s"
              .formatted(root.version(), e.getMessage()),
          e);
    }
  }

  private static TrustException refused(String fault, Snapshot snapshot) {
    return new TrustException(
        ErrorCode.SNAPSHOT_INVALID, "snapshot %d %s".formatted(snapshot.version(), fault));
  }

  /**
   * Whether this snapshot speaks of a root that is not known here: newer roots must be asked for
   * before it can be judged. Also true for one that nobody known signed, as a newer root may know
   * its key.
   */
  public boolean needsNewerRoot(DsseEnvelope snapshotEnvelope) {
    try {
      return opened(snapshotEnvelope).rootVersion() > root.version();
    } catch (TrustException e) {
      return true;
    }
  }

  /** Floors that only rise; at most {@link TrustJson#FLOORS_MAX} are kept. */
  private static Map<ModelName, Long> higher(
      Map<ModelName, Long> known, Map<ModelName, Long> told) {
    Map<ModelName, Long> highest =
        new TreeMap<>((one, other) -> one.value().compareTo(other.value()));
    highest.putAll(told);
    known.forEach(
        (model, floor) -> {
          if (highest.containsKey(model) || highest.size() < TrustJson.FLOORS_MAX) {
            highest.merge(model, floor, Math::max);
          }
        });
    return TrustJson.checkedFloors(highest);
  }

  /** The newest root. */
  public RootDocument root() {
    return root;
  }

  /** The newest root as it came. */
  public DsseEnvelope rootEnvelope() {
    return rootEnvelope;
  }

  /** The newest snapshot, if one came since the snapshot role got its keys. */
  public Optional<Snapshot> snapshot() {
    return snapshot.map(Signed::content);
  }

  /** The newest snapshot as it came. */
  public Optional<DsseEnvelope> snapshotEnvelope() {
    return snapshot.map(Signed::envelope);
  }

  /** The lowest release counter of this model that may be begun; 1 when none is set. */
  public long floor(ModelName model) {
    return Math.max(rootFloors.getOrDefault(model, 1L), snapshotFloors.getOrDefault(model, 1L));
  }

  /** Whether something new may be begun: neither root nor snapshot is missing or has expired. */
  public boolean isFresh(Instant now) {
    return staleness(now).isEmpty();
  }

  /** Why nothing new may be begun, in words; empty when it may. */
  public Optional<String> staleness(Instant now) {
    if (!now.isBefore(root.expires())) {
      return Optional.of("root %d expired at %s".formatted(root.version(), root.expires()));
    }
    if (snapshot.isEmpty()) {
      return Optional.of("there is no snapshot for root %d yet".formatted(root.version()));
    }
    Snapshot known = snapshot.get().content();
    if (!now.isBefore(known.expiresAt())) {
      return Optional.of("snapshot %d expired at %s".formatted(known.version(), known.expiresAt()));
    }
    return Optional.empty();
  }

  /**
   * The payload, once the director role is proven to have signed it.
   *
   * @throws SignatureInvalidException if the type differs or too few director keys signed
   */
  public byte[] directed(DsseEnvelope envelope, String payloadType) {
    return root.director().open(envelope, payloadType);
  }

  /**
   * The manifest, once the release role, or an automation key whose delegation covers its model and
   * profile, is proven to have signed it, and its release counter is not below the floor.
   *
   * @throws ArtifactException with {@code ARTIFACT_SIGNATURE_INVALID}, {@code
   *     RELEASE_NOT_DELEGATED}, {@code RELEASE_COUNTER_TOO_LOW}, or {@code ARTIFACT_MALFORMED}
   */
  @Override
  public ArtifactManifest released(DsseEnvelope envelope) {
    Set<VerificationKey> known = new LinkedHashSet<>(root.release().keys());
    root.delegations().forEach(delegation -> known.add(delegation.key()));
    Set<VerificationKey> signers;
    try {
      signers = Dsse.signers(envelope, ArtifactManifest.MEDIA_TYPE, known);
    } catch (SignatureInvalidException e) {
      throw unsigned(String.valueOf(e.getMessage()), e);
    }
    long released = root.release().keys().stream().filter(signers::contains).count();
    List<Delegation> delegations =
        root.delegations().stream()
            .filter(delegation -> signers.contains(delegation.key()))
            .toList();
    if (released < root.release().threshold() && delegations.isEmpty()) {
      throw unsigned(
          "%d of %d needed release keys of root %d signed, and no automation key"
              .formatted(released, root.release().threshold(), root.version()),
          null);
    }
    ArtifactManifest manifest = ArtifactManifest.parse(envelope.unverifiedPayload());
    ModelName model = manifest.model().model();
    if (released < root.release().threshold()
        && delegations.stream()
            .noneMatch(delegation -> delegation.covers(model, manifest.profile()))) {
      throw new ArtifactException(
          ErrorCode.RELEASE_NOT_DELEGATED,
          "%s for %s is signed by automation key %s, which root %d does not delegate them to"
              .formatted(
                  manifest.model(),
                  manifest.profile(),
                  delegations.getFirst().key().id(),
                  root.version()));
    }
    if (manifest.releaseCounter() < floor(model)) {
      throw new ArtifactException(
          ErrorCode.RELEASE_COUNTER_TOO_LOW,
          "%s has release counter %d, at least %d is needed"
              .formatted(manifest.model(), manifest.releaseCounter(), floor(model)));
    }
    return manifest;
  }

  private static ArtifactException unsigned(
      String fault, @Nullable SignatureInvalidException cause) {
    return cause == null
        ? new ArtifactException(ErrorCode.ARTIFACT_SIGNATURE_INVALID, fault)
        : new ArtifactException(ErrorCode.ARTIFACT_SIGNATURE_INVALID, fault, cause);
  }

  /** Everything, to be kept on this device's own disk. */
  public byte[] toBytes() {
    JsonObject object = new JsonObject();
    object.addProperty("root", text(rootEnvelope));
    snapshot.ifPresent(signed -> object.addProperty("snapshot", text(signed.envelope())));
    object.add("rootFloors", TrustJson.floors(rootFloors));
    object.add("snapshotFloors", TrustJson.floors(snapshotFloors));
    return object.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static String text(DsseEnvelope envelope) {
    return new String(envelope.toJson(), StandardCharsets.UTF_8);
  }

  /**
   * What {@link #toBytes} kept. The way from the fingerprint to this root is not proven again; that
   * root and snapshot belong together is.
   *
   * @throws TrustException if the bytes are nothing that was kept
   */
  public static Trust ofBytes(byte[] kept) {
    try {
      JsonObject object = TrustJson.object(kept);
      DsseEnvelope envelope = envelope(TrustJson.text(object, "root"));
      RootDocument root = selfSigned(envelope);
      Trust bare =
          new Trust(
              envelope,
              root,
              Optional.empty(),
              TrustJson.floors(object, "rootFloors"),
              TrustJson.floors(object, "snapshotFloors"));
      if (!object.has("snapshot")) {
        return bare;
      }
      DsseEnvelope snapshot = envelope(TrustJson.text(object, "snapshot"));
      return new Trust(
          envelope,
          root,
          Optional.of(new Signed(snapshot, bare.opened(snapshot))),
          bare.rootFloors,
          bare.snapshotFloors);
    } catch (IllegalArgumentException | SignatureInvalidException e) {
      throw new TrustException(
          ErrorCode.ROOT_INVALID, "kept trust is unreadable: " + e.getMessage(), e);
    }
  }

  private static DsseEnvelope envelope(String json) {
    return DsseEnvelope.parseJson(json.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String toString() {
    return "trust in root %d, snapshot %s"
        .formatted(
            root.version(),
            snapshot.map(signed -> Long.toString(signed.content().version())).orElse("none"));
  }
}
