package io.skerry.agent.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.agent.disk.Disk;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RequestTest {
  @TempDir private Path folder;

  @Test
  void bouncyCastleReadsAndVerifiesARequest() throws Exception {
    DeviceKey key = new Pkcs12Vault(Disk.local(), folder).make(1);

    PKCS10CertificationRequest read = TestAuthority.read(key.request("cam-1"));

    assertThat(read.getSubject()).hasToString("CN=cam-1");
    assertThat(read.getSubjectPublicKeyInfo().getEncoded()).isEqualTo(key.publicKey().getEncoded());
  }

  @Test
  void aLongNameIsWrittenWithALongLength() throws Exception {
    String name = "n".repeat(300);
    KeyPair pair = TestAuthority.pair();

    assertThat(
            TestAuthority.read(SignedDer.request(pair.getPublic(), pair.getPrivate(), name))
                .getSubject())
        .hasToString("CN=" + name);
  }

  @Test
  void theCertificateBesideAKeyIsByTheKeyItself() throws Exception {
    KeyPair pair = TestAuthority.pair();

    X509Certificate certificate =
        SignedDer.selfSigned(pair.getPublic(), pair.getPrivate(), "device key", Instant.EPOCH);

    certificate.verify(pair.getPublic());
    assertThat(certificate.getVersion()).isEqualTo(3);
    assertThat(certificate.getNotAfter()).isAfter("2999-01-01");
  }

  @Test
  @Tag("slow")
  void opensslVerifiesARequest() throws Exception {
    assumeThat(Path.of("/usr/bin/openssl")).as("openssl is not installed").exists();
    Path file =
        Files.writeString(
            folder.resolve("request.pem"),
            new Pkcs12Vault(Disk.local(), folder).make(1).request("cam-1"));

    Process openssl =
        new ProcessBuilder(
                List.of(
                    "/usr/bin/openssl",
                    "req",
                    "-verify",
                    "-noout",
                    "-text",
                    "-in",
                    file.toString()))
            .redirectErrorStream(true)
            .start();
    String said = new String(openssl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(openssl.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(openssl.exitValue()).as(said).isZero();
    assertThat(said).containsIgnoringCase("verify OK").contains("prime256v1");
  }
}
