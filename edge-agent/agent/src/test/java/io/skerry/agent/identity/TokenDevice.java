package io.skerry.agent.identity;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.time.DeviceClock;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A process that enrols with a key in a PKCS#11 token and renews its certificate once. */
final class TokenDevice {
  private TokenDevice() {}

  /** Data folder, token, provider's configuration, file with the PIN. */
  public static void main(String... arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    Optional<Pkcs11Config> config =
        Optional.of(new Pkcs11Config(Path.of(arguments[2]), Optional.of(Path.of(arguments[3]))));
    DeviceClock clock =
        DeviceClock.open(Disk.local(), folder, Instant.parse("2026-01-01T00:00:00Z"));
    Enrolment enrolment = new Enrolment(Disk.local(), folder, config, clock);
    try {
      DeviceKey key = enrolment.key();
      System.out.println(
          key.privateKey().getEncoded() == null
              ? "private key has no bytes"
              : "private key leaked");
    } catch (IOException e) {
      System.out.println(e.getMessage());
      return;
    }
    DeviceIdentity identity =
        enrolment.enrol(
            arguments[1],
            new Enrolment.Applicant(
                new DeviceId("cam-1"),
                Map.of(),
                new DeviceFacts("x86-64", List.of(), 4, 1 << 30, List.of(), List.of(), "")));
    System.out.println("enrolled with key " + identity.current().key());
    DeviceClock later =
        DeviceClock.open(
            Disk.local(),
            folder,
            Instant.EPOCH,
            InstantSource.offset(InstantSource.system(), Duration.ofDays(23)),
            System::nanoTime);
    try (DeviceLogin login =
        DeviceLogin.open(
            Disk.local(),
            folder,
            identity,
            later,
            () -> Trust.pinned(root(identity), identity.rootFingerprint()),
            Runnable::run)) {
      login.tick();
      login.forLink();
      login.connected();
      System.out.println("logs in with key " + login.identity().current().key());
    }
  }

  private static DsseEnvelope root(DeviceIdentity identity) {
    return DsseEnvelope.parseJson(identity.roots().getFirst().getBytes(StandardCharsets.UTF_8));
  }
}
