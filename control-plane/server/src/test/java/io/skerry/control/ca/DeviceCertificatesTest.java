package io.skerry.control.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import io.skerry.control.access.Caller;
import io.skerry.control.sql.Database;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class DeviceCertificatesTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  private final DeviceCertificates certificates = plane.bean(DeviceCertificates.class);
  private final Database database = plane.bean(Database.class);

  @Test
  void renewsByTheSameOrANewKeyAndKeepsTheOldCertificateGood() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "renew-1");
    KeyPair newKey = EnrolledDevice.newKey();

    List<X509Certificate> renewed = issued(device.renew(EnrolledDevice.csr(newKey)));
    EnrolledDevice again = device.with(newKey, renewed);

    assertThat(renewed.getFirst().getSubjectX500Principal())
        .isEqualTo(device.chain().getFirst().getSubjectX500Principal());
    assertThat(issued(again.renew(EnrolledDevice.csr(newKey))).getFirst().getPublicKey())
        .isEqualTo(newKey.getPublic());
    issued(device.renew(EnrolledDevice.csr(device.key())));
    assertThat(plane.get("/v1/audit").body()).contains("certificate.renewed", "device/renew-1");
  }

  @Test
  void givesTheSameRequestTheSameCertificateForAWhile() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "renew-2");
    String csr = EnrolledDevice.csr(EnrolledDevice.newKey());

    assertThat(issued(device.renew(csr))).isEqualTo(issued(device.renew(csr)));
  }

  @Test
  void issuesABoundedNumberADay() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "renew-3");
    Caller.Device caller = caller("renew-3");
    CertificateRequest request =
        CertificateRequest.parse(EnrolledDevice.csr(EnrolledDevice.newKey()));
    long most = DeviceCertificates.perDay(Duration.ofDays(30));
    database.run(
        transaction ->
            transaction.update(
                """
                insert into device_certificate (serial, tenant, device, fingerprint, key_sha256,
                  csr_sha256, pem, not_before, not_after, issued_at)
                select 'filler-' || n, 'default', 'renew-3', 'filler-' || n, '', '', '', now(),
                  now() + interval '30 days', now() - interval '2 hours'
                from generate_series(1, ?) n
                """,
                most - 2));

    database.run(transaction -> certificates.issue(transaction, caller, request));

    assertThat(most).isEqualTo(24);
    assertThat(device.renew(EnrolledDevice.csr(EnrolledDevice.newKey())).statusCode())
        .isEqualTo(503);
    CertificateRequest another =
        CertificateRequest.parse(EnrolledDevice.csr(EnrolledDevice.newKey()));
    assertThatThrownBy(
            () -> database.run(transaction -> certificates.issue(transaction, caller, another)))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("24 certificates within a day");
  }

  @Test
  void refusesARevokedDeviceAtOnceOnTheConnectionThatItHas() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "revoked-1");
    issued(device.renew(EnrolledDevice.csr(device.key())));

    HttpResponse<String> revoked =
        plane.post("/v1/devices/revoked-1/revocation", "{\"reason\":\"stolen\"}");

    assertThat(revoked.statusCode()).as(revoked.body()).isEqualTo(200);
    HttpResponse<String> refused = device.renew(EnrolledDevice.csr(device.key()));
    assertThat(refused.statusCode()).isEqualTo(401);
    assertThat(refused.body()).contains("revoked");
    assertThat(plane.get("/v1/devices/revoked-1").body()).doesNotContain("\"revokedAt\":null");
    assertThat(plane.get("/v1/audit").body()).contains("device.revoked", "stolen");
    assertThat(plane.post("/v1/devices/revoked-1/revocation", "{\"reason\":\"\"}").statusCode())
        .isEqualTo(400);
    assertThat(plane.post("/v1/devices/nobody/revocation", "{\"reason\":\"x\"}").statusCode())
        .isEqualTo(404);
  }

  @Test
  void refusesACertificateOfAnotherAuthorityInTheHandshake() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "foreign-1");
    KeyPair key = EnrolledDevice.newKey();
    X509Certificate selfMade =
        ForeignAuthority.certificate(key, "urn:skerry:device:default/foreign-1");

    assertThatThrownBy(() -> device.with(key, List.of(selfMade)).renew(EnrolledDevice.csr(key)))
        .isInstanceOf(UncheckedIOException.class);
  }

  @Test
  void refusesACertificateThatHasRunOut() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "expired-1");
    Instant now = Instant.now();
    X509Certificate expired = issue(device, now.minus(Duration.ofDays(2)), now.minusSeconds(60));

    assertThatThrownBy(
            () ->
                device.with(device.key(), List.of(expired)).renew(EnrolledDevice.csr(device.key())))
        .isInstanceOf(UncheckedIOException.class);
    X509Certificate good = device.chain().getFirst();
    assertThat(certificates.identityOf(good, now)).contains(caller("expired-1"));
    assertThat(certificates.identityOf(good, good.getNotAfter().toInstant().plusSeconds(1)))
        .as("on a connection that outlives it")
        .isEmpty();
  }

  @Test
  void knowsNobodyByACertificateWithoutItsRow() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "unknown-1");
    Instant now = Instant.now();
    X509Certificate unknown = issue(device, now.minusSeconds(60), now.plusSeconds(600));

    assertThat(certificates.identityOf(unknown)).isEmpty();
    assertThat(
            device
                .with(device.key(), List.of(unknown))
                .renew(EnrolledDevice.csr(device.key()))
                .statusCode())
        .isEqualTo(401);
  }

  @Test
  void letsOnlyDevicesRenew() {
    String body = "{\"csr\":\"x\"}";

    assertThat(EnrolledDevice.post(plane, "/v1/certificates", body).statusCode()).isEqualTo(401);
  }

  private X509Certificate issue(EnrolledDevice device, Instant notBefore, Instant notAfter) {
    return plane
        .bean(CertificateAuthority.class)
        .issue(
            new CertificateAuthority.Order(
                new X500Name("CN=" + device.name()),
                new GeneralNames(
                    CertificateAuthority.uri("urn:skerry:device:default/" + device.name())),
                SubjectPublicKeyInfo.getInstance(device.key().getPublic().getEncoded()),
                List.of(KeyPurposeId.id_kp_clientAuth),
                notBefore,
                notAfter));
  }

  private static Caller.Device caller(String name) {
    return new Caller.Device(new TenantId("default"), new DeviceId(name));
  }

  private static List<X509Certificate> issued(HttpResponse<String> answer) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
    return EnrolledDevice.certificates(
        com.google.gson.JsonParser.parseString(answer.body())
            .getAsJsonObject()
            .get("certificate")
            .getAsString());
  }
}
