package io.skerry.agent.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.time.DeviceClock;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnrolmentTest {
  private static final Instant BUILT = Instant.parse("2026-11-20T00:00:00Z");
  private static final Enrolment.Applicant CAM =
      new Enrolment.Applicant(
          new DeviceId("cam-1"),
          Map.of("site", "bergen"),
          new DeviceFacts("x86-64", List.of(), 4, 1 << 30, List.of(), List.of(), ""));

  @TempDir private Path folder;
  private TestDevicePort port;

  @BeforeEach
  void start() throws IOException {
    port = new TestDevicePort();
  }

  @AfterEach
  void stop() {
    port.close();
  }

  private Enrolment enrolment() {
    return enrolment(DeviceClock.open(Disk.local(), folder, BUILT));
  }

  private Enrolment enrolment(DeviceClock clock) {
    return new Enrolment(Disk.local(), folder, Optional.empty(), clock);
  }

  private void assertRefused(String token, String message) {
    assertThatThrownBy(() -> enrolment().enrol(token, CAM))
        .isInstanceOf(EnrolmentException.class)
        .hasMessageContaining(message);
    assertThat(DeviceIdentity.isIn(Disk.local(), folder)).isFalse();
  }

  @Test
  void aTokenBecomesAnIdentityWhoseKeyOnlyItsOwnerCanRead() throws Exception {
    enrolment().enrol(port.token(), CAM);

    DeviceIdentity identity = DeviceIdentity.load(Disk.local(), folder);
    assertThat(identity.device()).isEqualTo(CAM.device());
    assertThat(identity.controlBase()).isEqualTo(port.base());
    assertThat(identity.bootEpochSeen()).isEqualTo(41);
    assertThat(identity.authority()).isEqualTo(port.authority.certificate());
    assertThat(identity.current().chain().leaf().getPublicKey())
        .isEqualTo(
            KeyVault.of(Disk.local(), folder, Optional.empty()).find(1).orElseThrow().publicKey());
    assertThat(identity.roots()).hasSize(1);
    assertThat(Files.getPosixFilePermissions(folder.resolve("keys/key-1.p12")))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void anEnrolmentThatWasInterruptedBeforeItCountedIsRepeatedWithTheSameKey() throws Exception {
    port.losesRequests = true;
    assertRefused(port.token(), "cannot be reached");
    String key = enrolment().key().fingerprint();

    port.losesRequests = false;
    enrolment().enrol(port.token(), CAM);

    assertThat(port.enrolments).containsExactly("cam-1 " + key);
  }

  @Test
  void anAnswerThatWasCutSaysSoAndTheNextAttemptSendsTheSameKey() throws Exception {
    port.cutsAnswers = true;
    port.usesLeft.set(2);
    assertRefused(port.token(), "cannot be reached");

    port.cutsAnswers = false;
    enrolment().enrol(port.token(), CAM);

    assertThat(port.enrolments).hasSize(2);
    assertThat(port.enrolments.get(0)).isEqualTo(port.enrolments.get(1));
    assertThat(port.requests.get(0)).isEqualTo(port.requests.get(1));
  }

  @Test
  void enrolsAgainWithTheSameKeyUnlessThatIsGoneOrShallNotBeUsed() throws Exception {
    port.usesLeft.set(4);
    enrolment().enrol(port.token(), CAM);
    enrolment().enrol(port.token(), CAM);
    assertThat(port.enrolments.get(1)).isEqualTo(port.enrolments.get(0));

    assertThat(enrolment().withNewKey().enrol(port.token(), CAM).current().key()).isEqualTo(2);
    Files.writeString(folder.resolve("keys/key-2.p12"), "damaged");
    assertThat(enrolment().enrol(port.token(), CAM).current().key()).isEqualTo(3);

    assertThat(port.enrolments.stream().distinct()).hasSize(3);
  }

  @Test
  void tellsWhyTheControlPlaneRefuses() {
    port.usesLeft.set(0);

    assertRefused(port.token(), "refused: the enrolment token is unknown, used up or expired");
  }

  @Test
  void talksToNobodyWhoseAuthorityTheTokenDoesNotName() {
    assertRefused(port.token("ab".repeat(32), "cd".repeat(32)), "does not lead to the authority");
    assertThat(port.enrolments).isEmpty();
  }

  @Test
  void talksToNobodyUnderAnotherName() throws Exception {
    Instant now = Instant.now();
    try (TestDevicePort other =
        new TestDevicePort(
            port.root,
            port.release,
            port.director,
            "other.example",
            new Validity(now, now.plus(Duration.ofDays(1))))) {
      assertRefused(other.token(), "127.0.0.1");
      assertThat(other.enrolments).isEmpty();
    }
  }

  @Test
  void takesNoOtherRootNoOtherAuthorityAndNoOtherName() {
    port.usesLeft.set(3);
    assertRefused(
        port.token(port.authority.fingerprint(), "cd".repeat(32)), "root has fingerprint");

    port.names = "cam-2";
    assertRefused(port.token(), "does not name urn:skerry:device:default/cam-1");

    port.names = "";
    port.issuesBy = Optional.of(new TestAuthority("another"));
    assertRefused(port.token(), "does not come from the authority");
  }

  @Test
  void saysWhatIsWrongWithAToken() {
    assertRefused("hello", "does not start with 'skerry1.'");
    assertRefused("skerry1.%%%", "token is damaged");
    assertRefused("skerry1." + "A".repeat(EnrolmentToken.CHARS_MAX), "at most 4096");
    assertRefused(port.token("", ""), "names no fingerprint 'ca'");
  }

  @Test
  void aClockOf1970IsPutRightByTheControlPlanesSignedTime() throws Exception {
    Instant now = Instant.now();
    DeviceClock clock =
        DeviceClock.open(
            Disk.local(),
            folder,
            Instant.parse("2000-01-01T00:00:00Z"),
            () -> Instant.EPOCH,
            System::nanoTime);

    enrolment(clock).enrol(port.token(), CAM);

    assertThat(clock.instant()).isBetween(now.minusSeconds(5), now.plusSeconds(60));
    assertThat(port.enrolments).hasSize(1);
  }

  @Test
  void aTimeThatTheDirectorDidNotSignPutsNoClockRight() {
    port.signsTime = port.release;
    DeviceClock clock =
        DeviceClock.open(
            Disk.local(),
            folder,
            Instant.parse("2000-01-01T00:00:00Z"),
            () -> Instant.EPOCH,
            System::nanoTime);

    assertThatThrownBy(() -> enrolment(clock).enrol(port.token(), CAM))
        .isInstanceOf(EnrolmentException.class)
        .hasMessageContaining("clock says 1970-01-01");
    assertThat(port.enrolments).isEmpty();
  }
}
