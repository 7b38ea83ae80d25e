package io.skerry.agent.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.agent.disk.Disk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Keys in SoftHSM 2, a PKCS#11 token in software; skipped where it is not installed. In a process
 * of its own, because SoftHSM finds its tokens by an environment variable.
 */
@Tag("slow")
class Pkcs11VaultTest {
  private static final String PIN = "1234";

  @TempDir private Path folder;
  private Path config;
  private Path pin;

  @BeforeEach
  void makeToken() throws Exception {
    Optional<Path> library =
        Stream.of(
                "/usr/lib/softhsm/libsofthsm2.so",
                "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
                "/usr/local/lib/softhsm/libsofthsm2.so")
            .map(Path::of)
            .filter(Files::exists)
            .findFirst();
    assumeThat(library).as("SoftHSM 2 is not installed (package softhsm2)").isPresent();
    Files.createDirectories(folder.resolve("tokens"));
    Files.writeString(
        folder.resolve("softhsm2.conf"),
        "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n"
            .formatted(folder.resolve("tokens")));
    String said =
        run(
            List.of(
                "softhsm2-util",
                "--init-token",
                "--free",
                "--label",
                "skerry",
                "--pin",
                PIN,
                "--so-pin",
                "5678"));
    assertThat(said).contains("initialized");
    config =
        Files.writeString(
            folder.resolve("pkcs11.cfg"),
            "name = skerry\nlibrary = %s\nslotListIndex = 0\n".formatted(library.orElseThrow()));
    pin = Files.writeString(folder.resolve("pin"), PIN + "\n");
  }

  private String run(List<String> command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("SOFTHSM2_CONF", folder.resolve("softhsm2.conf").toString());
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return said;
  }

  private String agent(String... arguments) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "io.skerry.agent.identity.TokenDevice"));
    command.addAll(List.of(arguments));
    return run(command);
  }

  @Test
  void enrolsAndRenewsWithKeysThatNeverLeaveTheToken() throws Exception {
    try (TestDevicePort port = new TestDevicePort()) {
      String data = folder.resolve("data").toString();

      String said = agent(data, port.token(), config.toString(), pin.toString());

      assertThat(said).contains("enrolled with key 1").contains("logs in with key 2");
      assertThat(port.renewals).hasSize(1).allMatch(shown -> shown.startsWith("CN=cam-1"));
      assertThat(DeviceIdentity.load(Disk.local(), Path.of(data)).token()).isPresent();
      assertThat(Path.of(data, "keys", "key-1.p12")).doesNotExist();
      assertThat(said).contains("private key has no bytes");
    }
  }

  @Test
  void aWrongPinIsOneLine() throws Exception {
    Files.writeString(pin, "9999\n");

    String said =
        agent(folder.resolve("data").toString(), "skerry1.", config.toString(), pin.toString());

    assertThat(said).contains("PKCS#11 token of '%s' cannot be used".formatted(config));
  }
}
