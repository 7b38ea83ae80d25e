package io.skerry.artifact.trust;

import static io.skerry.artifact.trust.Fleet.MODEL;
import static io.skerry.artifact.trust.Fleet.NOW;
import static io.skerry.artifact.trust.Fleet.PROFILE;
import static io.skerry.artifact.trust.Fleet.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ArtifactReader;
import io.skerry.artifact.BlobSource;
import io.skerry.artifact.Layer;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every attack that TUF 1.0.30 (section 1.5.2) and the Uptane standard name and that documents can
 * carry, by their names. What needs a network or a disk is attacked in the agent's {@code
 * TrustRefreshTest} and {@code TrustStoreTest}; against eavesdropping stands TLS, not a signature.
 */
@DisplayName("Attacks of TUF and Uptane")
class AttacksTest {
  private static final SigningKey THIEF = key(99);

  @TempDir Path folder;
  private final Fleet fleet = new Fleet();
  private int releases;

  private DsseEnvelope release(String model, String profile, long counter, SigningKey key) {
    releases++;
    return Fleet.release(folder.resolve("release-" + releases), model, profile, counter, key);
  }

  private DsseEnvelope release(long counter, SigningKey key) {
    return release(MODEL.value(), PROFILE, counter, key);
  }

  @Nested
  @DisplayName("Arbitrary software")
  class ArbitrarySoftware {
    @Test
    @DisplayName("an artifact signed by nobody known is refused")
    void unknownKey() {
      refused(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID, () -> fleet.fresh().released(release(1, THIEF)));
    }

    @Test
    @DisplayName("an artifact signed by a key of another role is refused")
    void otherRoles() {
      for (SigningKey other : List.of(fleet.director, fleet.snapshot, fleet.roots.getFirst())) {
        refused(
            ErrorCode.ARTIFACT_SIGNATURE_INVALID, () -> fleet.fresh().released(release(1, other)));
      }
    }

    @Test
    @DisplayName("a manifest changed after it was signed is refused")
    void changedManifest() {
      DsseEnvelope signed = release(1, fleet.release);
      DsseEnvelope changed =
          new DsseEnvelope(
              signed.payloadType(),
              new String(signed.unverifiedPayload(), StandardCharsets.UTF_8)
                  .replace("\"3\"", "\"4\"")
                  .getBytes(StandardCharsets.UTF_8),
              signed.signatures());

      refused(ErrorCode.ARTIFACT_SIGNATURE_INVALID, () -> fleet.fresh().released(changed));
    }

    @Test
    @DisplayName("a signature over another kind of document does not count (type confusion)")
    void typeConfusion() {
      byte[] payload = release(1, fleet.release).unverifiedPayload();
      DsseEnvelope asDesired =
          Dsse.sign("application/vnd.skerry.desired.v1", payload, fleet.release);
      DsseEnvelope relabelled =
          new DsseEnvelope(ArtifactManifest.MEDIA_TYPE, payload, asDesired.signatures());

      refused(ErrorCode.ARTIFACT_SIGNATURE_INVALID, () -> fleet.fresh().released(asDesired));
      refused(ErrorCode.ARTIFACT_SIGNATURE_INVALID, () -> fleet.fresh().released(relabelled));
    }

    @Test
    @DisplayName("a snapshot presented as a root, and the other way round, is refused")
    void rolesAsOneAnother() {
      DsseEnvelope snapshotAsRoot =
          Dsse.sign(
              RootDocument.PAYLOAD_TYPE,
              fleet.snapshot(10).unverifiedPayload(),
              fleet.roots.subList(0, 2));
      DsseEnvelope root = fleet.signed(fleet.next(fleet.first));

      refused(ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(snapshotAsRoot));
      refused(ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(fleet.snapshot(10)));
      refused(ErrorCode.SNAPSHOT_INVALID, () -> fleet.enrolled().withSnapshot(root, NOW));
    }
  }

  @Nested
  @DisplayName("Rollback")
  class Rollback {
    @Test
    @DisplayName("an older root, or the same again, is refused")
    void root() {
      Trust two = fleet.enrolled().withRoot(fleet.signed(fleet.next(fleet.first)));

      refused(ErrorCode.ROOT_INVALID, () -> two.withRoot(fleet.signed(fleet.first)));
      refused(ErrorCode.ROOT_INVALID, () -> two.withRoot(fleet.signed(fleet.next(fleet.first))));
    }

    @Test
    @DisplayName("an older snapshot is refused; the same again changes nothing")
    void snapshot() {
      Trust trust = fleet.fresh();

      refused(ErrorCode.SNAPSHOT_INVALID, () -> trust.withSnapshot(fleet.snapshot(9), NOW));
      assertThat(trust.withSnapshot(fleet.snapshot(10), NOW)).isSameAs(trust);
    }

    @Test
    @DisplayName("another snapshot with the known version is refused")
    void sameVersion() {
      DsseEnvelope other = fleet.snapshot(10, 1, Map.of(MODEL, 2L), fleet.snapshot);

      refused(ErrorCode.SNAPSHOT_INVALID, () -> fleet.fresh().withSnapshot(other, NOW));
    }

    @Test
    @DisplayName("a version below the snapshot's floor is refused, one at it is taken")
    void snapshotFloor() {
      Trust trust =
          fleet.fresh().withSnapshot(fleet.snapshot(11, 1, Map.of(MODEL, 7L), fleet.snapshot), NOW);

      refused(ErrorCode.RELEASE_COUNTER_TOO_LOW, () -> trust.released(release(6, fleet.release)));
      assertThat(trust.released(release(7, fleet.release)).releaseCounter()).isEqualTo(7);
    }

    @Test
    @DisplayName("a version below root's floor is refused, whatever the snapshot says")
    void rootFloor() {
      Trust trust = fleet.fresh().withRoot(fleet.signed(fleet.floored(fleet.first, 2, 5)));
      Trust snapshotBelow =
          trust.withSnapshot(fleet.snapshot(11, 2, Map.of(MODEL, 2L), fleet.snapshot), NOW);

      refused(ErrorCode.RELEASE_COUNTER_TOO_LOW, () -> trust.released(release(4, fleet.release)));
      assertThat(snapshotBelow.floor(MODEL)).isEqualTo(5);
    }

    @Test
    @DisplayName("floors never sink while the keys that set them stay")
    void floorsOnlyRise() {
      Trust trust =
          fleet
              .fresh()
              .withSnapshot(fleet.snapshot(11, 1, Map.of(MODEL, 7L), fleet.snapshot), NOW)
              .withSnapshot(fleet.snapshot(12), NOW);
      Trust byRoot =
          fleet
              .enrolled()
              .withRoot(fleet.signed(fleet.floored(fleet.first, 2, 5)))
              .withRoot(fleet.signed(fleet.floored(fleet.first, 3, 4)));

      assertThat(trust.floor(MODEL)).isEqualTo(7);
      assertThat(byRoot.floor(MODEL)).isEqualTo(5);
    }
  }

  @Nested
  @DisplayName("Indefinite freeze")
  class IndefiniteFreeze {
    @Test
    @DisplayName("an expired snapshot is refused, and a known one goes stale by itself")
    void snapshot() {
      refused(
          ErrorCode.SNAPSHOT_EXPIRED,
          () -> fleet.enrolled().withSnapshot(fleet.snapshot(10), NOW.plus(Duration.ofDays(7))));
      assertThat(fleet.fresh().isFresh(NOW.plus(Duration.ofDays(7)).minusMillis(1))).isTrue();
      assertThat(fleet.fresh().isFresh(NOW.plus(Duration.ofDays(7)))).isFalse();
    }

    @Test
    @DisplayName("an expired root lets nothing new begin; one on the way may have expired")
    void root() {
      Trust expired =
          fleet
              .enrolled()
              .withRoot(fleet.signed(fleet.expiring(fleet.first, 2, NOW.minusSeconds(1))));
      Trust renewed =
          expired
              .withRoot(fleet.signed(fleet.expiring(fleet.first, 3, NOW.plusSeconds(60))))
              .withSnapshot(fleet.snapshot(11, 3, Map.of(), fleet.snapshot), NOW);

      assertThat(expired.isFresh(NOW)).isFalse();
      assertThat(expired.staleness(NOW)).get().asString().contains("root 2 expired");
      assertThat(renewed.isFresh(NOW)).isTrue();
    }

    @Test
    @DisplayName("without any snapshot nothing new begins")
    void nothing() {
      assertThat(fleet.enrolled().staleness(NOW)).get().asString().contains("no snapshot");
    }

    @Test
    @DisplayName("a snapshot cannot sign a time beyond its root's end")
    void signedTime() {
      RootDocument ending = fleet.expiring(fleet.first, 2, NOW.minusSeconds(60));
      Trust trust = fleet.enrolled().withRoot(fleet.signed(ending));

      refused(
          ErrorCode.SNAPSHOT_INVALID,
          () -> trust.withSnapshot(fleet.snapshot(10, 2, Map.of(), fleet.snapshot), NOW));
    }
  }

  @Nested
  @DisplayName("Fast-forward")
  class FastForward {
    @Test
    @DisplayName("a thief's huge snapshot version and floor end with the stolen key")
    void recoversBySnapshotRotation() {
      Trust poisoned =
          fleet
              .fresh()
              .withSnapshot(
                  fleet.snapshot(Long.MAX_VALUE, 1, Map.of(MODEL, Long.MAX_VALUE), fleet.snapshot),
                  NOW);
      refused(ErrorCode.SNAPSHOT_INVALID, () -> poisoned.withSnapshot(fleet.snapshot(11), NOW));

      SigningKey fresh = key(31);
      Trust recovered =
          poisoned
              .withRoot(fleet.signed(fleet.rotatedSnapshot(Role.of(fresh.verificationKey()))))
              .withSnapshot(fleet.snapshot(12, 2, Map.of(MODEL, 1L), fresh), NOW);

      assertThat(recovered.snapshot().orElseThrow().version()).isEqualTo(12);
      assertThat(recovered.floor(MODEL)).isEqualTo(1);
      assertThat(recovered.released(release(1, fleet.release))).isNotNull();
    }

    @Test
    @DisplayName("a root cannot skip versions")
    void root() {
      DsseEnvelope third = fleet.signed(fleet.floored(fleet.first, 3, 1));

      refused(ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(third));
    }

    @Test
    @DisplayName("floors set by root keys end with those keys")
    void recoversByRootRotation() {
      Trust poisoned =
          fleet.enrolled().withRoot(fleet.signed(fleet.floored(fleet.first, 2, Long.MAX_VALUE)));
      SigningKey fresh = key(4);
      RootDocument next = fleet.rotatedRoot(Role.of(fresh.verificationKey()));
      RootDocument third =
          new RootDocument(
              3,
              next.expires(),
              next.root(),
              next.release(),
              next.director(),
              next.snapshot(),
              next.delegations(),
              Map.of());
      List<SigningKey> signers = new ArrayList<>(fleet.roots);
      signers.add(fresh);

      Trust recovered = poisoned.withRoot(third.signedBy(signers));

      assertThat(poisoned.floor(MODEL)).isEqualTo(Long.MAX_VALUE);
      assertThat(recovered.floor(MODEL)).isEqualTo(1);
    }
  }

  @Nested
  @DisplayName("Mix-and-match")
  class MixAndMatch {
    @Test
    @DisplayName("a snapshot made for a newer root waits until that root is known")
    void newerRoot() {
      DsseEnvelope ahead = fleet.snapshot(11, 2, Map.of(), fleet.snapshot);
      Trust trust = fleet.fresh();

      assertThat(trust.needsNewerRoot(ahead)).isTrue();
      refused(ErrorCode.SNAPSHOT_INVALID, () -> trust.withSnapshot(ahead, NOW));
      assertThat(
              trust
                  .withRoot(fleet.signed(fleet.next(fleet.first)))
                  .withSnapshot(ahead, NOW)
                  .isFresh(NOW))
          .isTrue();
    }

    @Test
    @DisplayName("a new snapshot made for an older root is refused")
    void olderRoot() {
      Trust two = fleet.fresh().withRoot(fleet.signed(fleet.next(fleet.first)));

      assertThat(two.needsNewerRoot(fleet.snapshot(11))).isFalse();
      refused(ErrorCode.SNAPSHOT_INVALID, () -> two.withSnapshot(fleet.snapshot(11), NOW));
    }

    @Test
    @DisplayName("a signature over another version's manifest is refused")
    void signatureOfAnother() {
      OciLayout one = Fleet.artifact(folder.resolve("1"), "m", PROFILE, 1, fleet.release);
      OciLayout two = Fleet.artifact(folder.resolve("2"), "m", PROFILE, 2, fleet.release);
      ArtifactReader reader = new ArtifactReader(BlobSource.ofLayout(two.folder()), fleet.fresh());

      refused(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID,
          () -> reader.manifest(one.model(), two.signature()));
    }
  }

  @Nested
  @DisplayName("Endless data")
  class EndlessData {
    @Test
    @DisplayName("an envelope is not read beyond its bound")
    void envelope() {
      assertThatThrownBy(() -> DsseEnvelope.parseJson(new byte[DsseEnvelope.JSON_BYTES_MAX + 1]))
          .isInstanceOf(SignatureInvalidException.class);
    }

    @Test
    @DisplayName("a layer that does not end is cut off at the size of its manifest")
    void layer() {
      OciLayout layout = Fleet.artifact(folder.resolve("e"), "m", PROFILE, 1, fleet.release);
      BlobSource endless =
          digest ->
              digest.equals(layout.signature())
                  ? Files.newInputStream(layout.blob(digest))
                  : new EndlessStream();
      ArtifactReader reader = new ArtifactReader(endless, fleet.fresh());
      Layer model = reader.manifest(layout.model(), layout.signature()).modelLayer();

      refused(ErrorCode.ARTIFACT_DIGEST_MISMATCH, () -> reader.verify(model));
    }

    @Test
    @DisplayName("more floors, delegations, keys or signatures than bounds allow are refused")
    void bounds() {
      List<DsseSignature> many = new ArrayList<>();
      for (int i = 0; i <= DsseEnvelope.SIGNATURES_MAX; i++) {
        many.add(new DsseSignature("k" + i, new byte[64]));
      }

      assertThatThrownBy(() -> new DsseEnvelope("t", new byte[0], many))
          .isInstanceOf(SignatureInvalidException.class);
      assertThatThrownBy(
              () ->
                  new Role(
                      IntStream.rangeClosed(0, Role.KEYS_MAX)
                          .mapToObj(i -> key(i + 100).verificationKey())
                          .toList(),
                      1))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Nested
  @DisplayName("Wrong software and hardware")
  class WrongSoftware {
    @Test
    @DisplayName("model, version, profile and counter are read from what was signed")
    void signedFields() {
      ArtifactManifest manifest = fleet.fresh().released(release(7, fleet.release));

      assertThat(manifest.model()).hasToString("engine-health@3");
      assertThat(manifest.profile()).hasToString(PROFILE);
      assertThat(manifest.releaseCounter()).isEqualTo(7);
    }

    @Test
    @DisplayName(
        "extraneous dependency: a layer that the signed manifest does not name is not read")
    void extraneousDependency() throws IOException {
      OciLayout layout = Fleet.artifact(folder.resolve("x"), "m", PROFILE, 1, fleet.release);
      byte[] extra = "extra".getBytes(StandardCharsets.UTF_8);
      Files.write(layout.blob(Digest.of(extra)), extra);
      ArtifactReader reader =
          new ArtifactReader(BlobSource.ofLayout(layout.folder()), fleet.fresh());

      ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());

      assertThat(manifest.layers()).extracting(Layer::digest).doesNotContain(Digest.of(extra));
      assertThat(OciLayout.read(layout.folder()).blobs()).doesNotContain(Digest.of(extra));
    }

    @Test
    @DisplayName("partial bundle: an artifact with a missing layer is refused")
    void partialBundle() throws IOException {
      OciLayout layout = Fleet.artifact(folder.resolve("p"), "m", PROFILE, 1, fleet.release);
      ArtifactReader reader =
          new ArtifactReader(BlobSource.ofLayout(layout.folder()), fleet.fresh());
      Layer model = reader.manifest(layout.model(), layout.signature()).modelLayer();
      Files.delete(layout.blob(model.digest()));

      refused(ErrorCode.ARTIFACT_NOT_FOUND, () -> reader.verify(model));
    }
  }

  @Nested
  @DisplayName("Key compromise")
  class KeyCompromise {
    @Test
    @DisplayName("director stolen: it releases nothing and names no keys")
    void director() {
      DsseEnvelope root = fleet.next(fleet.first).signedBy(List.of(fleet.director));
      DsseEnvelope snapshot = fleet.snapshot(11, 1, Map.of(), fleet.director);

      refused(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID,
          () -> fleet.fresh().released(release(9, fleet.director)));
      refused(ErrorCode.ROOT_INVALID, () -> fleet.fresh().withRoot(root));
      refused(ErrorCode.SNAPSHOT_INVALID, () -> fleet.fresh().withSnapshot(snapshot, NOW));
    }

    @Test
    @DisplayName("director stolen: root gives the role to another key, the stolen one is dead")
    void directorRotated() {
      DsseEnvelope order = Dsse.sign("t", new byte[] {1}, fleet.director);
      SigningKey fresh = key(21);
      Trust trust =
          fleet.fresh().withRoot(fleet.signed(fleet.rotatedDirector(fresh.verificationKey())));

      assertThat(fleet.fresh().directed(order, "t")).containsExactly(1);
      assertThatThrownBy(() -> trust.directed(order, "t"))
          .isInstanceOf(SignatureInvalidException.class);
      assertThat(trust.directed(Dsse.sign("t", new byte[] {2}, fresh), "t")).containsExactly(2);
    }

    @Test
    @DisplayName("automation key stolen: only its models and profiles, only above the floor")
    void automation() {
      Trust trust =
          fleet.fresh().withSnapshot(fleet.snapshot(11, 1, Map.of(MODEL, 7L), fleet.snapshot), NOW);

      assertThat(trust.released(release(7, fleet.automation))).isNotNull();
      refused(
          ErrorCode.RELEASE_COUNTER_TOO_LOW, () -> trust.released(release(6, fleet.automation)));
      refused(
          ErrorCode.RELEASE_NOT_DELEGATED,
          () -> trust.released(release("other", PROFILE, 9, fleet.automation)));
      refused(
          ErrorCode.RELEASE_NOT_DELEGATED,
          () -> trust.released(release(MODEL.value(), "x86-64-avx2", 9, fleet.automation)));
    }

    @Test
    @DisplayName("release key stolen: it is believed until root names another, then no more")
    void releaseKey() {
      SigningKey fresh = key(11);
      Trust trust =
          fleet.fresh().withRoot(fleet.signed(fleet.rotatedRelease(fresh.verificationKey())));

      assertThat(fleet.fresh().released(release(1, fleet.release))).isNotNull();
      refused(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID, () -> trust.released(release(1, fleet.release)));
      assertThat(trust.released(release(1, fresh))).isNotNull();
    }

    @Test
    @DisplayName("one root key stolen: below the threshold it signs nothing")
    void oneRootKey() {
      DsseEnvelope root = fleet.next(fleet.first).signedBy(fleet.roots.subList(0, 1));

      refused(ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(root));
    }

    @Test
    @DisplayName("the same key twice does not meet a threshold of two")
    void sameKeyTwice() {
      DsseEnvelope once = fleet.next(fleet.first).signedBy(fleet.roots.subList(0, 1));
      DsseSignature signature = once.signatures().getFirst();
      DsseEnvelope twice =
          new DsseEnvelope(
              once.payloadType(), once.unverifiedPayload(), List.of(signature, signature));

      refused(ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(twice));
      assertThatThrownBy(
              () -> new Role(List.of(THIEF.verificationKey(), THIEF.verificationKey()), 2))
          .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("an unsigned root is refused, as the next and as the first")
    void unsigned() {
      DsseEnvelope next = fleet.next(fleet.first).signedBy(List.of());
      DsseEnvelope first = fleet.first.signedBy(List.of());

      refused(ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(next));
      refused(ErrorCode.ROOT_INVALID, () -> Trust.pinned(first, RootDocument.fingerprint(first)));
    }

    @Test
    @DisplayName("new root keys need the old ones' signatures, and their own")
    void bothThresholds() {
      SigningKey fresh = key(4);
      RootDocument next = fleet.rotatedRoot(Role.of(fresh.verificationKey()));
      List<SigningKey> both = new ArrayList<>(fleet.roots.subList(0, 2));
      both.add(fresh);

      refused(
          ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(next.signedBy(List.of(fresh))));
      refused(ErrorCode.ROOT_INVALID, () -> fleet.enrolled().withRoot(fleet.signed(next)));
      assertThat(fleet.enrolled().withRoot(next.signedBy(both)).root().version()).isEqualTo(2);
    }

    @Test
    @DisplayName("another control plane's root is refused by its fingerprint (replay to a device)")
    void otherRoot() {
      DsseEnvelope foreign = Fleet.foreign(fleet.first, THIEF).signedBy(List.of(THIEF));

      refused(
          ErrorCode.ROOT_INVALID,
          () -> Trust.pinned(foreign, RootDocument.fingerprint(fleet.signed(fleet.first))));
      refused(
          ErrorCode.SNAPSHOT_INVALID,
          () -> fleet.enrolled().withSnapshot(fleet.snapshot(99, 1, Map.of(), THIEF), NOW));
    }
  }

  private static void refused(ErrorCode code, ThrowingCallable act) {
    Throwable refusal = catchThrowableOfType(RuntimeException.class, act);
    assertThat(refusal).isInstanceOfAny(TrustException.class, ArtifactException.class);
    ErrorCode found =
        refusal instanceof TrustException trust
            ? trust.code()
            : ((ArtifactException) refusal).code();
    assertThat(found).as(refusal.getMessage()).isEqualTo(code);
    assertThat(refusal.getMessage()).isNotBlank();
  }
}
