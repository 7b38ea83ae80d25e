package io.skerry.control.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.host.DataFolder;
import io.skerry.control.host.ServerNames;
import io.skerry.control.host.StartException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import javax.net.ssl.X509ExtendedKeyManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerTlsTest {
  private static final ServerNames NAMES = new ServerNames("127.0.0.1", "skerry.example.org");

  @TempDir Path data;

  @Test
  void keepsItsAuthorityAndCertificatesOverARestart() {
    X509Certificate authority;
    X509Certificate server;
    try (DataFolder folder = DataFolder.open(data)) {
      KeyFiles files = new KeyFiles(folder);
      CertificateAuthority made = new CertificateAuthority(files);
      authority = made.certificate();
      server = shown(new ServerTls(made, files, NAMES));
    }

    try (DataFolder folder = DataFolder.open(data)) {
      KeyFiles files = new KeyFiles(folder);
      CertificateAuthority again = new CertificateAuthority(files);

      assertThat(again.certificate()).isEqualTo(authority);
      assertThat(shown(new ServerTls(again, files, NAMES))).isEqualTo(server);
    }
  }

  @Test
  void keepsItsKeysToItself() throws IOException {
    tls(NAMES);

    try (var files = Files.list(data.resolve("keys"))) {
      List<Path> kept = files.toList();
      assertThat(kept)
          .extracting(file -> file.getFileName().toString())
          .containsExactlyInAnyOrder(
              "stores.password", "ca.p12", "ca.pem", "devices.p12", "server.p12", "control.p12");
      for (Path file : kept) {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
            .as(file.toString())
            .isEqualTo("rw-------");
      }
    }
  }

  @Test
  void namesWhatDevicesAskFor() throws Exception {
    X509Certificate server = shown(tls(NAMES));

    assertThat(server.getSubjectAlternativeNames())
        .extracting(name -> String.valueOf(name.get(1)))
        .contains("skerry.example.org", "127.0.0.1", "localhost");
    assertThat(server.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.1");
  }

  @Test
  void isIssuedAgainUnderAnotherName() {
    X509Certificate before = shown(tls(NAMES));

    X509Certificate after = shown(tls(new ServerNames("127.0.0.1", "other.example.org")));

    assertThat(after).isNotEqualTo(before);
  }

  @Test
  void isIssuedAgainBeforeItRunsOutAndTheNextHandshakeShowsIt() {
    ServerTls tls = tls(NAMES);
    X509Certificate before = shown(tls);
    Instant end = before.getNotAfter().toInstant();

    assertThat(tls.renewIfDue(end.minus(Duration.ofDays(200)))).isFalse();
    assertThat(tls.renewIfDue(end.minus(Duration.ofDays(100)))).isTrue();

    assertThat(shown(tls).getNotAfter().toInstant()).isAfter(end);
    assertThat(shown(tls(NAMES))).as("the file has it too").isEqualTo(shown(tls));
  }

  @Test
  void tellsTheControlPlaneFromTheServer() {
    ServerTls tls = tls(NAMES);
    X509Certificate control =
        ((X509ExtendedKeyManager) tls.controlKeys().getKeyManagers()[0])
            .getCertificateChain("control")[0];

    assertThat(ServerTls.isControl(control)).isTrue();
    assertThat(ServerTls.isControl(shown(tls))).isFalse();
  }

  @Test
  void saysWhatIsMissingWhenThePasswordIsGone() throws IOException {
    tls(NAMES);
    Files.delete(data.resolve("keys").resolve("stores.password"));

    assertThatThrownBy(() -> tls(NAMES))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("stores.password")
        .hasMessageContaining("put it back");
  }

  @Test
  void saysWhichStoreIsDamaged() throws IOException {
    tls(NAMES);
    Files.writeString(data.resolve("keys").resolve("ca.p12"), "damaged");

    assertThatThrownBy(() -> tls(NAMES))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("ca.p12 cannot be read");
  }

  private ServerTls tls(ServerNames names) {
    try (DataFolder folder = DataFolder.open(data)) {
      KeyFiles files = new KeyFiles(folder);
      return new ServerTls(new CertificateAuthority(files), files, names);
    }
  }

  private static X509Certificate shown(ServerTls tls) {
    return ((X509ExtendedKeyManager) tls.serverKey()).getCertificateChain("server")[0];
  }
}
