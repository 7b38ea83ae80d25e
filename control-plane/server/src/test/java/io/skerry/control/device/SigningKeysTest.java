package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.keys.KeyCeremony;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.keys.Rotation;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Trust;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SigningKeysTest {
  private static final ModelName MODEL = new ModelName("engine-health");

  @TempDir Path temporary;
  private DataFolder data;
  private Path keys;
  private KeyFolder ceremony;

  @BeforeEach
  void open() {
    data = DataFolder.open(temporary.resolve("data"));
    keys = data.keys();
    ceremony = new KeyFolder(keys, temporary.resolve("safe"));
  }

  @AfterEach
  void close() {
    data.close();
  }

  @Test
  void makesEveryKeyAtTheFirstStartAndReadsThemAtTheNext() throws IOException {
    SigningKeys first = new SigningKeys(data);
    SigningKeys second = new SigningKeys(data);

    assertThat(second.rootFingerprint()).isEqualTo(first.rootFingerprint());
    assertThat(first.mayRelease(MODEL, new ProfileId("any"))).isTrue();
    Path release = keys.resolve("offline").resolve("release.pem");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(release)))
        .isEqualTo("rw-------");
  }

  @Test
  void worksWithTheOnlinePartOnly() throws IOException {
    KeyCeremony.create(
        ceremony,
        new KeyCeremony.Plan(3, 2, List.of(MODEL.value()), List.of("rpi5-int8")),
        Instant.now());

    SigningKeys online = new SigningKeys(data);

    assertThat(keys.resolve("offline")).doesNotExist();
    assertThat(online.mayRelease(MODEL, new ProfileId("rpi5-int8"))).isTrue();
    assertThat(online.mayRelease(MODEL, new ProfileId("x86-64-avx2"))).isFalse();
    assertThat(online.mayRelease(new ModelName("other"), new ProfileId("rpi5-int8"))).isFalse();
  }

  @Test
  void followsARotation() throws IOException {
    KeyCeremony.create(ceremony, KeyCeremony.Plan.DEFAULT, Instant.now());
    SigningKeys before = new SigningKeys(data);
    new Rotation(Set.of(Rotation.Fresh.ROOT, Rotation.Fresh.DIRECTOR), Optional.empty(), Map.of())
        .run(ceremony, Instant.now());

    SigningKeys after = new SigningKeys(data);

    assertThat(after.rootFingerprint()).isEqualTo(before.rootFingerprint());
    assertThat(after.roots()).hasSize(2);
    assertThat(after.director().verificationKey())
        .isNotEqualTo(before.director().verificationKey());
  }

  @Test
  void takesARotationWithoutARestart() throws IOException {
    KeyCeremony.create(ceremony, KeyCeremony.Plan.DEFAULT, Instant.now());
    SigningKeys running = new SigningKeys(data);
    String before = running.director().verificationKey().hex();
    assertThat(running.reread()).isFalse();

    new Rotation(Set.of(Rotation.Fresh.ROOT, Rotation.Fresh.DIRECTOR), Optional.empty(), Map.of())
        .run(ceremony, Instant.now());

    assertThat(running.reread()).isTrue();
    assertThat(running.roots()).hasSize(2);
    assertThat(running.trust().root().version()).isEqualTo(2);
    assertThat(running.director().verificationKey().hex()).isNotEqualTo(before);
    assertThat(running.reread()).isFalse();
  }

  @Test
  void goesOnWithWhatItHasWhileAChangeIsNotWhole() throws IOException {
    KeyCeremony.create(ceremony, KeyCeremony.Plan.DEFAULT, Instant.now());
    SigningKeys running = new SigningKeys(data);
    String before = running.director().verificationKey().hex();
    byte[] key = Files.readAllBytes(ceremony.onlineKey("director"));

    Files.delete(ceremony.onlineKey("director"));
    assertThat(running.reread()).isFalse();
    SigningKey.generate().write(ceremony.onlineKey("director"));
    assertThat(running.reread()).isFalse();
    Files.writeString(ceremony.rootFile(2), "{\"half\":");
    assertThat(running.reread()).isFalse();

    assertThat(running.director().verificationKey().hex()).isEqualTo(before);
    assertThat(running.trust().root().version()).isEqualTo(1);
    Files.delete(ceremony.rootFile(2));
    Files.write(ceremony.onlineKey("director"), key);
    assertThat(running.reread()).isFalse();
  }

  /** Devices that followed version 2 would believe nothing that another version 2 names. */
  @Test
  void keepsARootThatWasReplacedByAnotherOfItsVersion() throws IOException {
    KeyCeremony.create(ceremony, KeyCeremony.Plan.DEFAULT, Instant.now());
    SigningKeys running = new SigningKeys(data);
    Rotation director = new Rotation(Set.of(Rotation.Fresh.DIRECTOR), Optional.empty(), Map.of());
    director.run(ceremony, Instant.now());
    assertThat(running.reread()).isTrue();
    Trust known = running.trust();
    byte[] second = Files.readAllBytes(ceremony.rootFile(2));
    byte[] key = Files.readAllBytes(ceremony.onlineKey("director"));

    Files.delete(ceremony.rootFile(2));
    director.run(ceremony, Instant.now());

    assertThat(running.reread()).isFalse();
    assertThat(running.trust()).isSameAs(known);
    Files.write(ceremony.rootFile(2), second);
    Files.write(ceremony.onlineKey("director"), key);
    director.run(ceremony, Instant.now());
    assertThat(running.reread()).isTrue();
    assertThat(running.trust().root().version()).isEqualTo(3);
  }

  @Test
  void refusesAKeyThatRootDoesNotName() throws IOException {
    KeyCeremony.create(ceremony, KeyCeremony.Plan.DEFAULT, Instant.now());
    Files.delete(ceremony.onlineKey("director"));
    SigningKey.generate().write(ceremony.onlineKey("director"));

    assertThatThrownBy(() -> new SigningKeys(data))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("root 1 does not name the director key");
  }

  @Test
  void refusesToMakeNewKeysBesideOthers() throws IOException {
    SigningKey.generate().write(keys.resolve("director.pem"));

    assertThatThrownBy(() -> new SigningKeys(data))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("root.1.json");
  }

  @Test
  void refusesWithoutASnapshotKey() throws IOException {
    KeyCeremony.create(ceremony, KeyCeremony.Plan.DEFAULT, Instant.now());
    Files.delete(ceremony.onlineKey("snapshot"));

    assertThatThrownBy(() -> new SigningKeys(data))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("snapshot.pem is missing");
  }

  @Test
  void refusesARootThatDoesNotFollow() throws IOException {
    KeyCeremony.create(ceremony, KeyCeremony.Plan.DEFAULT, Instant.now());
    Files.copy(ceremony.rootFile(1), ceremony.rootFile(2));

    assertThatThrownBy(() -> new SigningKeys(data))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("do not follow each other");
  }
}
