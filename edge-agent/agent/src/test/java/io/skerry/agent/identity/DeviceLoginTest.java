package io.skerry.agent.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.time.DeviceClock;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceLoginTest {
  private static final Instant BUILT = Instant.parse("2026-11-20T00:00:00Z");

  @TempDir private Path folder;
  private TestDevicePort port;
  private Instant system = Instant.now();
  private long nanos;
  private DeviceClock clock;
  private DeviceLogin login;
  private final AtomicInteger reconnects = new AtomicInteger();

  @BeforeEach
  void enrol() throws Exception {
    port = new TestDevicePort();
    clock = clock();
    new Enrolment(Disk.local(), folder, Optional.empty(), clock)
        .enrol(
            port.token(),
            new Enrolment.Applicant(
                new DeviceId("cam-1"),
                Map.of(),
                new DeviceFacts("x86-64", List.of(), 4, 1 << 30, List.of(), List.of(), "")));
    login = open();
  }

  @AfterEach
  void stop() {
    login.close();
    port.close();
  }

  private DeviceClock clock() {
    return DeviceClock.open(Disk.local(), folder, BUILT, () -> system, () -> nanos);
  }

  // Work is done at once, on the calling thread.
  private DeviceLogin open() throws IOException {
    Trust trust = Trust.pinned(port.rootDocument, RootDocument.fingerprint(port.rootDocument));
    DeviceLogin opened =
        DeviceLogin.open(
            Disk.local(),
            folder,
            DeviceIdentity.load(Disk.local(), folder),
            clock,
            () -> trust,
            task -> {
              Thread thread = Thread.ofVirtual().start(task);
              joins.add(thread);
            });
    opened.whenRenewed(reconnects::incrementAndGet);
    return opened;
  }

  private final List<Thread> joins = new java.util.concurrent.CopyOnWriteArrayList<>();

  private void settle() throws InterruptedException {
    for (Thread thread : joins) {
      assertThat(thread.join(Duration.ofSeconds(20))).isTrue();
    }
  }

  private void pass(Duration time) {
    system = system.plus(time);
    nanos += time.toNanos();
    port.clockBy = Duration.between(Instant.now(), system);
  }

  private void tick() throws InterruptedException {
    login.tick();
    settle();
  }

  private DeviceIdentity onDisk() throws IOException {
    return DeviceIdentity.load(Disk.local(), folder);
  }

  @Test
  void renewsWithANewKeyAndSwitchesOnceAConnectionProvedIt() throws Exception {
    Validity first = login.status().certificate();
    pass(Duration.ofDays(23));

    tick();

    assertThat(onDisk().next()).isPresent();
    assertThat(login.status().certificate()).isEqualTo(first);
    assertThat(login.status().renewal()).isEqualTo("PROVING");
    assertThat(reconnects).hasValue(1);
    login.forLink();
    login.connected();
    settle();
    assertThat(login.status().certificate().notAfter())
        .isAfter(first.notAfter().plus(Duration.ofDays(20)));
    assertThat(login.status().renewal()).isEqualTo("RESTING");
    assertThat(onDisk().next()).isEmpty();
    assertThat(onDisk().current().key()).isEqualTo(2);
    assertThat(folder.resolve("keys/key-1.p12")).doesNotExist();
  }

  @Test
  void theLinkTriesTheNewCertificateAndTheOldOneByTurns() throws Exception {
    Object old = login.forLink();
    pass(Duration.ofDays(23));
    tick();

    Object first = login.forLink();
    Object second = login.forLink();
    Object third = login.forLink();

    assertThat(first).isNotSameAs(old).isSameAs(third);
    assertThat(second).isSameAs(old);
  }

  @Test
  void aRestartBetweenIssueAndProofGoesOnWithBoth() throws Exception {
    pass(Duration.ofDays(23));
    tick();
    login.close();

    login = open();

    assertThat(login.status().renewal()).isEqualTo("PROVING");
    login.forLink();
    login.connected();
    settle();
    assertThat(onDisk().current().key()).isEqualTo(2);
  }

  @Test
  void aNewCertificateThatNeverConnectsIsGivenUpAndTheOldOneStays() throws Exception {
    pass(Duration.ofDays(23));
    tick();

    for (int refusal = 0; refusal < RenewalMachine.REFUSALS_MAX; refusal++) {
      login.forLink();
      login.forLink();
      login.connected();
      settle();
    }

    assertThat(onDisk().next()).isEmpty();
    assertThat(onDisk().current().key()).isEqualTo(1);
    assertThat(folder.resolve("keys/key-2.p12")).doesNotExist();
  }

  @Test
  void aRefusedRenewalIsTriedAgainWithTheSameKey() throws Exception {
    port.revoked = true;
    pass(Duration.ofDays(23));
    tick();
    assertThat(login.status().renewal()).isEqualTo("WAITING");
    byte[] key = Files.readAllBytes(folder.resolve("keys/key-2.p12"));

    port.revoked = false;
    pass(Duration.ofHours(6));
    tick();

    assertThat(login.status().renewal()).isEqualTo("PROVING");
    assertThat(Files.readAllBytes(folder.resolve("keys/key-2.p12"))).isEqualTo(key);
    assertThat(port.renewals).hasSize(2).allMatch(shown -> shown.startsWith("CN=cam-1"));
  }

  @Test
  void takesNoCertificateOfAnotherAuthority() throws Exception {
    port.issuesBy = Optional.of(new TestAuthority("another"));
    pass(Duration.ofDays(23));

    tick();

    assertThat(login.status().renewal()).isEqualTo("WAITING");
    assertThat(onDisk().next()).isEmpty();
  }

  @Test
  void anExpiredCertificateStillTriesAndSaysWhatToDo() throws Exception {
    port.revoked = true;
    pass(Duration.ofDays(40));

    tick();

    assertThat(port.renewals).hasSize(1);
    assertThat(login.status().fault())
        .contains("the certificate expired at")
        .contains("skerry agent enroll --again");
  }

  @Test
  void aClockTenYearsAheadIsPutRightByTheSignedTime() throws Exception {
    Instant real = system;
    system = real.plus(Duration.ofDays(3652));

    tick();

    assertThat(clock.instant()).isBetween(real.minusSeconds(60), real.plusSeconds(60));
    assertThat(login.status().fault()).isEmpty();
    assertThat(port.renewals).isEmpty();
  }

  @Test
  void withoutAKeyItSaysWhatToDoAndNothingElseFails() throws Exception {
    login.close();
    Files.writeString(folder.resolve("keys/key-1.p12"), "garbage");

    login = open();
    login.tick();

    assertThat(login.status().fault()).contains("skerry agent enroll --again");
    assertThatThrownBy(login::forLink).isInstanceOf(IllegalStateException.class);
  }
}
