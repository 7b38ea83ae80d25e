package io.skerry.agent.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.time.DeviceClock;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Enrolment and renewal, stopped at every change that they make to the disk. */
@Tag("slow")
class InterruptedAnywhereTest {
  private static final int CHANGES_MAX = 200;
  private static final Enrolment.Applicant CAM =
      new Enrolment.Applicant(
          new DeviceId("cam-1"),
          Map.of(),
          new DeviceFacts("x86-64", List.of(), 4, 1 << 30, List.of(), List.of(), ""));

  @TempDir private Path folder;
  private TestDevicePort port;

  @BeforeEach
  void start() throws IOException {
    port = new TestDevicePort();
    port.usesLeft.set(10_000);
  }

  @AfterEach
  void stop() {
    port.close();
  }

  private static DeviceClock clock(Path data, Duration ahead) {
    return DeviceClock.open(
        Disk.local(),
        data,
        Instant.EPOCH,
        InstantSource.offset(InstantSource.system(), ahead),
        System::nanoTime);
  }

  private DeviceIdentity enrol(Disk disk, Path data)
      throws EnrolmentException, IOException, InterruptedException {
    return new Enrolment(disk, data, Optional.empty(), clock(data, Duration.ZERO))
        .enrol(port.token(), CAM);
  }

  @Test
  void anEnrolmentStoppedAtAnyWriteIsRepeatedAndSendsOneKeyOnly() throws Exception {
    int change = 0;
    for (boolean stopped = true; stopped; change++) {
      assertThat(change).isLessThan(CHANGES_MAX);
      Path data = folder.resolve("enrol-" + change);
      port.enrolments.clear();
      StoppingDisk disk = new StoppingDisk(change);
      try {
        enrol(disk, data);
      } catch (IOException e) {
        assertThat(e).as("change %d", change).hasMessageContaining("stopped here");
      }
      stopped = disk.stopped();

      if (!DeviceIdentity.isIn(Disk.local(), data)) {
        enrol(Disk.local(), data);
      }

      DeviceIdentity identity = DeviceIdentity.load(Disk.local(), data);
      assertThat(identity.current().key()).isEqualTo(1);
      assertThat(port.enrolments.stream().distinct()).as("change %d", change).hasSize(1);
    }
    assertThat(change).isGreaterThan(10);
  }

  @Test
  void aRenewalStoppedAtAnyWriteNeverLocksTheDeviceOut() throws Exception {
    Duration due = Duration.ofDays(23);
    port.clockBy = due;
    int change = 0;
    for (boolean stopped = true; stopped; change++) {
      assertThat(change).isLessThan(CHANGES_MAX);
      Path data = folder.resolve("renew-" + change);
      port.clockBy = Duration.ZERO;
      enrol(Disk.local(), data);
      port.clockBy = due;
      StoppingDisk disk = new StoppingDisk(change);
      try (DeviceLogin login = login(disk, data, due)) {
        renew(login);
      }
      stopped = disk.stopped();

      try (DeviceLogin login = login(Disk.local(), data, due)) {
        assertThatCode(login::forLink).as("change %d", change).doesNotThrowAnyException();
        assertThat(login.status().fault()).isEmpty();
        login.connected();
        renew(login);
        assertThat(login.status().renewal()).as("change %d", change).isEqualTo("RESTING");
        assertThat(login.identity().current().key()).isEqualTo(2);
      }
    }
    assertThat(change).isGreaterThan(10);
  }

  private DeviceLogin login(Disk disk, Path data, Duration ahead) throws IOException {
    Trust trust = Trust.pinned(port.rootDocument, RootDocument.fingerprint(port.rootDocument));
    // Everything happens on this thread.
    return DeviceLogin.open(
        disk,
        data,
        DeviceIdentity.load(Disk.local(), data),
        clock(data, ahead),
        () -> trust,
        Runnable::run);
  }

  private static void renew(DeviceLogin login) throws InterruptedException {
    login.tick();
    login.forLink();
    login.connected();
  }
}
