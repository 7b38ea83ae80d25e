package io.skerry.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.control.host.StartException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ServerStartTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @Test
  void tellsItsAddressesInTheDataFolder() throws IOException {
    JsonObject told =
        JsonParser.parseString(Files.readString(plane.data().resolve("server.json")))
            .getAsJsonObject();

    assertThat(told.get("url").getAsString()).isEqualTo(plane.url().toString());
    assertThat(told.get("mqttPort").getAsInt()).isEqualTo(plane.mqttPort());
    assertThat(told.get("pid").getAsLong()).isEqualTo(ProcessHandle.current().pid());
  }

  @Test
  void keepsTheAdminTokenAndKeysToItself() throws IOException {
    Path token = plane.data().resolve("keys").resolve("admin.token");

    assertThat(Files.readString(token).strip()).isEqualTo(plane.token());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(token)))
        .isEqualTo("rw-------");
    assertThat(plane.data().resolve("keys"))
        .isDirectoryContaining(file -> file.endsWith("root.1.json"))
        .isDirectoryContaining(file -> file.endsWith("director.pem"));
  }

  @Test
  void refusesASecondServerOnTheSameDataFolder() {
    assertThatThrownBy(() -> ControlPlane.start(TestControlPlane.config(plane.data())))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("another server runs on data folder");
    assertThat(plane.data().resolve("server.json")).exists();
  }

  @Test
  void refusesADataFolderThatIsAFile(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");

    assertThatThrownBy(() -> ControlPlane.start(TestControlPlane.config(file)))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("cannot be written");
  }

  @Test
  void refusesATakenBrokerPortAndMakesNothing(@TempDir Path folder) throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      ServerConfig config =
          TestControlPlane.config(folder)
              .withDatabase(plane.database())
              .withMqttPort(taken.getLocalPort());

      assertThatThrownBy(() -> ControlPlane.start(config))
          .isInstanceOf(StartException.class)
          .hasMessageContaining("--mqtt-port");
    }

    assertThat(folder).isDirectoryNotContaining(file -> !file.endsWith("server.lock"));
  }

  @Test
  void refusesATakenPortBeforeItMakesKeysThatNobodySees(@TempDir Path folder) throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      ServerConfig config = TestControlPlane.config(folder).withPort(taken.getLocalPort());

      assertThatThrownBy(() -> ControlPlane.start(config))
          .isInstanceOf(StartException.class)
          .hasMessageContaining("choose another with --port");
    }

    assertThat(folder).isDirectoryNotContaining(file -> !file.endsWith("server.lock"));
  }

  @Test
  void letsNobodyIntoTheDatabaseWithoutItsPassword() {
    assertThatThrownBy(
            () -> DriverManager.getConnection(plane.database().url(), "postgres", "guess"))
        .hasMessageContaining("password authentication failed");
  }

  @Test
  void asksForANameWhenItListensEverywhere() {
    assertThatThrownBy(() -> ServerConfig.DEFAULTS.withHost("0.0.0.0"))
        .hasMessageContaining("public-host");
    assertThat(
            ServerConfig.DEFAULTS.withHosts("0.0.0.0", "skerry.example.org").names().publicHost())
        .isEqualTo("skerry.example.org");
  }
}
