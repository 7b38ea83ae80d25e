package io.skerry.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.DeviceView;
import io.skerry.api.client.SkerryClient;
import io.skerry.api.client.SkerryException;
import io.skerry.control.host.StartException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ConsoleTlsTest {
  @TempDir Path folder;

  @Test
  void speaksHttpsWhereOthersCanReachIt() {
    ServerConfig config = TestControlPlane.config(folder).withHosts("0.0.0.0", "localhost");
    try (ControlPlane plane = ControlPlane.start(config)) {
      String token = plane.firstToken().orElseThrow();
      Path authority = folder.resolve("keys").resolve("ca.pem");

      assertThat(plane.address().url().toString()).startsWith("https://localhost:");
      assertThat(plane.address().controlBase().toString()).startsWith("https://localhost:");
      try (SkerryClient client = new SkerryClient(plane.address().url(), token, authority)) {
        assertThat(client.list("/v1/devices", DeviceView.class)).isEmpty();
      }
      try (SkerryClient stranger = new SkerryClient(plane.address().url(), token)) {
        assertThatThrownBy(() -> stranger.list("/v1/devices", DeviceView.class))
            .isInstanceOf(SkerryException.class)
            .hasMessageContaining("--ca");
      }
    }
  }

  @Test
  void refusesATakenDevicePort() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      ServerConfig config = TestControlPlane.config(folder).withDevicePort(taken.getLocalPort());

      assertThatThrownBy(() -> ControlPlane.start(config))
          .isInstanceOf(StartException.class)
          .hasMessageContaining("--device-port");
    }
  }
}
