package io.skerry.contract;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.identity.Enrolment;
import io.skerry.agent.time.DeviceClock;
import io.skerry.e2e.RunningServer;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/** A running control plane, asked by an enrolled device with its certificate. */
@Tag("slow")
class RunningArtifactsTest implements ArtifactsContract {
  private static final DeviceId DEVICE = new DeviceId("device-1");
  private static final DeviceFacts FACTS =
      new DeviceFacts("arm64", List.of("asimd"), 4, 1L << 30, List.of(), List.of(), "board");

  @TempDir private static Path folder;
  private static @Nullable RunningServer server;
  private static @Nullable Enrolled device;

  @BeforeAll
  static void start() throws Exception {
    RunningServer started = RunningServer.start(folder, List.of());
    server = started;
    device = new Enrolled(started, folder);
  }

  @AfterAll
  static void stop() throws IOException {
    if (device != null) {
      device.close();
    }
    if (server != null) {
      server.close();
    }
  }

  @Override
  public ServedArtifacts artifacts() {
    if (device == null) {
      throw new IllegalStateException("the control plane has not been started");
    }
    return device;
  }

  private static final class Enrolled implements ServedArtifacts, AutoCloseable {
    private final Path blobs;
    private final DeviceLogin login;
    private final FaultyLine line;
    private final URI base;

    Enrolled(RunningServer server, Path folder) throws Exception {
      blobs = folder.resolve("data").resolve("blobs").resolve("sha256");
      Path data = folder.resolve("device");
      DeviceClock clock = DeviceClock.open(Disk.local(), data, AgentVersion.builtAt());
      DeviceIdentity identity =
          new Enrolment(Disk.local(), data, Optional.empty(), clock)
              .enrol(server.enrolmentToken(), new Enrolment.Applicant(DEVICE, Map.of(), FACTS));
      login =
          DeviceLogin.open(
              Disk.local(),
              data,
              identity,
              clock,
              () -> {
                throw new IllegalStateException("nothing is signed here");
              },
              Thread::startVirtualThread);
      URI direct = identity.artifactBase();
      line = new FaultyLine(direct.getPort());
      base =
          URI.create(
              "%s://%s:%d%s"
                  .formatted(direct.getScheme(), direct.getHost(), line.port(), direct.getPath()));
    }

    @Override
    public HttpClient http() {
      return login.http();
    }

    @Override
    public URI base() {
      return base;
    }

    @Override
    public void serve(Digest digest, byte[] content) throws IOException {
      Files.write(blobs.resolve(digest.hex()), content);
    }

    @Override
    public void breakAfter(int bytes) {
      line.cutAfter(bytes);
    }

    @Override
    public void refuse() throws IOException {
      line.cut();
    }

    @Override
    public void mend() {
      line.mend();
    }

    @Override
    public void close() throws IOException {
      login.close();
      line.close();
    }
  }
}
