package io.skerry.artifact.trust;

import static io.skerry.artifact.trust.Fleet.MODEL;
import static io.skerry.artifact.trust.Fleet.NOW;
import static io.skerry.artifact.trust.Fleet.PROFILE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ProfileId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrustTest {
  private final Fleet fleet = new Fleet();

  @Test
  void comesBackFromItsBytes() {
    Trust trust =
        fleet
            .enrolled()
            .withRoot(fleet.signed(fleet.floored(fleet.first, 2, 5)))
            .withSnapshot(fleet.snapshot(11, 2, Map.of(MODEL, 7L), fleet.snapshot), NOW);

    Trust again = Trust.ofBytes(trust.toBytes());

    assertThat(again.root()).isEqualTo(trust.root());
    assertThat(again.snapshot()).isEqualTo(trust.snapshot());
    assertThat(again.floor(MODEL)).isEqualTo(7);
    assertThat(again.toBytes()).isEqualTo(trust.toBytes());
  }

  @Test
  void leavesUnknownFieldsAlone() {
    byte[] more =
        new String(fleet.first.toJson(), StandardCharsets.UTF_8)
            .replaceFirst("\\{", "{\"later\":{\"a\":[1]},")
            .getBytes(StandardCharsets.UTF_8);
    DsseEnvelope root = Dsse.sign(RootDocument.PAYLOAD_TYPE, more, fleet.roots);

    Trust trust = Trust.pinned(root, RootDocument.fingerprint(root));

    assertThat(trust.root()).isEqualTo(fleet.first);
  }

  @Test
  void readsAStarOnlyAsAWhole() {
    Delegation everything =
        new Delegation(fleet.automation.verificationKey(), Set.of("*"), Set.of("*"));

    assertThat(everything.covers(MODEL, new ProfileId("any"))).isTrue();
    assertThatThrownBy(
            () ->
                new Delegation(
                    fleet.automation.verificationKey(), Set.of("engine*"), Set.of(PROFILE)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void boundsFloorsAndDelegations() {
    Map<ModelName, Long> floors = new HashMap<>();
    for (int i = 0; i <= TrustJson.FLOORS_MAX; i++) {
      floors.put(new ModelName("m" + i), 1L);
    }

    assertThatThrownBy(() -> fleet.snapshot(1, 1, floors, fleet.snapshot))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("4096");
  }

  @Test
  void needsAsManyReleaseKeysAsRootSays(@TempDir Path folder) {
    SigningKey second = Fleet.key(11);
    Role both = new Role(List.of(fleet.release.verificationKey(), second.verificationKey()), 2);
    RootDocument two =
        new RootDocument(
            1,
            fleet.first.expires(),
            fleet.first.root(),
            both,
            fleet.first.director(),
            fleet.first.snapshot(),
            List.of(),
            Map.of());
    DsseEnvelope root = fleet.signed(two);
    Trust trust = Trust.pinned(root, RootDocument.fingerprint(root));
    DsseEnvelope one = Fleet.release(folder.resolve("a"), "m", PROFILE, 1, fleet.release);

    assertThatThrownBy(() -> trust.released(one)).isInstanceOf(ArtifactException.class);
    assertThat(trust.released(Dsse.countersign(one, second)).releaseCounter()).isEqualTo(1);
  }

  @Test
  void answersEveryMutationWithARefusal(@TempDir Path folder) {
    Trust trust = fleet.enrolled();
    Random random = new Random(3);
    mutate(
        random, fleet.signed(fleet.next(fleet.first)), trust::withRoot, fleet.roots.subList(0, 2));
    mutate(
        random,
        fleet.snapshot(10, 1, Map.of(MODEL, 3L), fleet.snapshot),
        envelope -> trust.withSnapshot(envelope, NOW),
        List.of(fleet.snapshot));
    mutate(
        random,
        Fleet.release(folder.resolve("a"), MODEL.value(), PROFILE, 1, fleet.release),
        trust::released,
        List.of(fleet.release));
  }

  /**
   * Bytes flipped, cut and doubled: in the envelope, and in a payload that is then signed again.
   */
  private static void mutate(
      Random random, DsseEnvelope good, Consumer<DsseEnvelope> reader, List<SigningKey> keys) {
    for (int round = 0; round < 150; round++) {
      byte[] json = mutated(random, good.toJson());
      refusedOrRead(() -> reader.accept(DsseEnvelope.parseJson(json)));
      byte[] payload = mutated(random, good.unverifiedPayload());
      refusedOrRead(() -> reader.accept(Dsse.sign(good.payloadType(), payload, keys)));
      refusedOrRead(() -> Trust.ofBytes(mutated(random, payload)));
    }
  }

  private static byte[] mutated(Random random, byte[] bytes) {
    byte[] changed = Arrays.copyOf(bytes, Math.max(1, bytes.length));
    return switch (random.nextInt(4)) {
      case 0 -> Arrays.copyOf(changed, random.nextInt(changed.length));
      case 1 -> Arrays.copyOfRange(changed, random.nextInt(changed.length), changed.length);
      default -> {
        for (int i = 0; i <= random.nextInt(4); i++) {
          changed[random.nextInt(changed.length)] =
              (byte) "\"{}[]:,019ae\u0000\u007f".charAt(random.nextInt(14));
        }
        yield changed;
      }
    };
  }

  private static void refusedOrRead(Runnable act) {
    try {
      act.run();
    } catch (TrustException | ArtifactException | SignatureInvalidException expected) {
      assertThat(expected.getMessage()).isNotBlank();
    }
  }
}
