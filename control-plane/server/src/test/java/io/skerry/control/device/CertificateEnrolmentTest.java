package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import io.skerry.control.TestDevice;
import io.skerry.control.ca.CertificateAuthority;
import io.skerry.protocol.Digest;
import java.net.http.HttpResponse;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class CertificateEnrolmentTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @Test
  void givesADeviceACertificateOfItsNameWhateverItsRequestClaims() throws Exception {
    KeyPair key = EnrolledDevice.newKey();

    JsonObject enrolment = json(enrol(TestDevice.tokenSecret(plane), "cert-1", key), 201);

    List<X509Certificate> chain =
        EnrolledDevice.certificates(enrolment.get("certificate").getAsString());
    X509Certificate leaf = chain.getFirst();
    leaf.verify(chain.getLast().getPublicKey());
    assertThat(leaf.getPublicKey()).isEqualTo(key.getPublic());
    assertThat(leaf.getSubjectX500Principal().getName()).isEqualTo("CN=cert-1,O=default");
    assertThat(leaf.getSubjectAlternativeNames())
        .extracting(name -> String.valueOf(name.get(1)))
        .containsExactly("urn:skerry:device:default/cert-1");
    assertThat(leaf.getBasicConstraints()).as("is no CA").isEqualTo(-1);
    assertThat(leaf.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.2");
    assertThat(Duration.between(leaf.getNotBefore().toInstant(), leaf.getNotAfter().toInstant()))
        .isEqualTo(Duration.ofDays(30).plusHours(1));
    assertThat(chain.getLast()).isEqualTo(plane.bean(CertificateAuthority.class).certificate());
    assertThat(enrolment.keySet())
        .doesNotContain("secret", "trust", "rootKey")
        .contains("certificate", "roots");
    assertThat(enrolment.get("controlBase").getAsString())
        .isEqualTo(plane.controlBase().toString());
    assertThat(enrolment.get("artifactBase").getAsString())
        .isEqualTo(plane.controlBase() + "/artifacts");
    assertThat(enrolment.get("bootEpoch").getAsLong()).isZero();
    assertThat(enrolment.getAsJsonArray("roots")).hasSize(1);
    assertThat(enrolment.get("snapshot").getAsString()).contains("payload");
    JsonObject view = json(plane.get("/v1/devices/cert-1"), 200);
    assertThat(view.getAsJsonObject("certificate").get("serial").getAsString())
        .isEqualTo(leaf.getSerialNumber().toString(16));
    assertThat(plane.get("/v1/audit").body()).contains("device.enrolled", "device/cert-1");
  }

  @Test
  void namesItsAuthorityInTheToken() throws Exception {
    String token =
        json(plane.post("/v1/enrolment-tokens", "{\"uses\":1}"), 201).get("token").getAsString();

    JsonObject content =
        JsonParser.parseString(
                new String(
                    java.util.Base64.getUrlDecoder().decode(token.substring("skerry1.".length())),
                    java.nio.charset.StandardCharsets.UTF_8))
            .getAsJsonObject();

    assertThat(content.keySet()).containsExactlyInAnyOrder("url", "secret", "ca", "root");
    assertThat(content.get("url").getAsString()).isEqualTo(plane.controlBase().toString());
    assertThat(content.get("ca").getAsString())
        .isEqualTo(Digest.of(EnrolledDevice.authority(plane).getEncoded()).hex());
  }

  @Test
  void answersTheSameRequestAgainWhenTheFirstAnswerWasLost() {
    KeyPair key = EnrolledDevice.newKey();
    String token = TestDevice.tokenSecret(plane);
    String csr = EnrolledDevice.csr(key);
    JsonObject first = json(enrol(token, "cert-2", csr), 201);

    JsonObject again = json(enrol(token, "cert-2", csr), 201);

    assertThat(again.get("certificate")).isEqualTo(first.get("certificate"));
  }

  @Test
  void letsADeviceEnrolAgainWithItsOwnKeyOnlyAndOnlyWhenAuthorised() {
    KeyPair key = EnrolledDevice.newKey();
    json(enrol(TestDevice.tokenSecret(plane), "cert-3", key), 201);

    json(enrol("", "cert-3", key), 401);
    json(enrol(TestDevice.tokenSecret(plane), "cert-3", key), 201);
    JsonObject refused =
        json(enrol(TestDevice.tokenSecret(plane), "cert-3", EnrolledDevice.newKey()), 409);

    assertThat(refused.get("detail").getAsString()).contains("skerry delete device cert-3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"wrong", "", "skerry1.abc"})
  void refusesAWrongToken(String token) {
    JsonObject problem = json(enrol(token, "cert-4", EnrolledDevice.newKey()), 401);

    assertThat(problem.get("detail").getAsString()).contains("skerry create token");
    assertThat(plane.get("/v1/devices/cert-4").statusCode()).isEqualTo(404);
  }

  @Test
  void refusesAUsedUpToken() {
    String token = TestDevice.tokenSecret(plane);
    json(enrol(token, "cert-5", EnrolledDevice.newKey()), 201);

    JsonObject problem = json(enrol(token, "cert-6", EnrolledDevice.newKey()), 401);

    assertThat(problem.get("detail").getAsString()).contains("used up");
  }

  @Test
  void refusesADeletedToken() {
    JsonObject made = json(plane.post("/v1/enrolment-tokens", "{\"uses\":5}"), 201);
    String listed = plane.get("/v1/enrolment-tokens").body();
    assertThat(listed).contains("\"usesLeft\":5").doesNotContain(made.get("token").getAsString());

    assertThat(plane.delete("/v1/enrolment-tokens/" + made.get("id")).statusCode()).isEqualTo(204);

    String secret = TestDevice.secretOf(made.get("token").getAsString());
    json(enrol(secret, "cert-7", EnrolledDevice.newKey()), 401);
    assertThat(plane.delete("/v1/enrolment-tokens/" + made.get("id")).statusCode()).isEqualTo(404);
    assertThat(plane.get("/v1/audit").body()).contains("enrolment-token.deleted");
  }

  @Test
  void keepsTheTokensUseWhenTheRequestIsHostile() {
    String token = TestDevice.tokenSecret(plane);

    assertThat(json(enrol(token, "cert-8", ""), 400).get("detail").getAsString())
        .contains("'csr' is missing");
    json(enrol(token, "cert-8", "garbage"), 400);
    json(enrol(token, "cert-8", EnrolledDevice.pem(new byte[20_000])), 400);
    json(
        enrol(
            token,
            "cert-8",
            EnrolledDevice.csr(
                EnrolledDevice.newKey(), EnrolledDevice.newKey(), "SHA256withECDSA")),
        400);
    json(enrol(token, "cert-8", EnrolledDevice.csr(EnrolledDevice.newKey("RSA", 1024))), 400);

    json(enrol(token, "cert-8", EnrolledDevice.newKey()), 201);
  }

  @Test
  void enrolsAPreauthorisedKeyWithoutATokenOnceAndNobodyElse() {
    KeyPair key = EnrolledDevice.newKey();
    String sha256 = Digest.of(key.getPublic().getEncoded()).hex();
    assertThat(
            plane
                .post(
                    "/v1/preauthorisations",
                    "{\"devices\":[{\"device\":\"serial-1\",\"keySha256\":\"%s\",\"labels\":{\"site\":\"c\"}}]}"
                        .formatted(sha256))
                .statusCode())
        .isEqualTo(201);

    json(enrol(TestDevice.tokenSecret(plane), "serial-1", EnrolledDevice.newKey()), 403);
    json(enrol("", "serial-1", key), 201);

    JsonObject device = json(plane.get("/v1/devices/serial-1"), 200);
    assertThat(device.getAsJsonObject("labels").get("site").getAsString()).isEqualTo("c");
    assertThat(plane.get("/v1/preauthorisations").body())
        .contains("\"device\":\"serial-1\"")
        .doesNotContain("\"usedAt\":null");
    assertThat(plane.delete("/v1/devices/serial-1").statusCode()).isEqualTo(204);
    json(enrol("", "serial-1", key), 401);
  }

  @Test
  void letsATokenForPreauthorisedDevicesEnrolNoOther() {
    String token =
        TestDevice.secretOf(
            json(plane.post("/v1/enrolment-tokens", "{\"uses\":5,\"preauthorisedOnly\":true}"), 201)
                .get("token")
                .getAsString());
    assertThat(
            plane
                .post("/v1/preauthorisations", "{\"devices\":[{\"device\":\"serial-2\"}]}")
                .statusCode())
        .isEqualTo(201);

    json(enrol("", "serial-2", EnrolledDevice.newKey()), 401);
    JsonObject refused = json(enrol(token, "serial-3", EnrolledDevice.newKey()), 403);
    json(enrol(token, "serial-2", EnrolledDevice.newKey()), 201);

    assertThat(refused.get("detail").getAsString())
        .contains("skerry create preauthorisation --device serial-3");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"devices\":[]}",
        "{\"devices\":[{\"device\":\"a/b\"}]}",
        "{\"devices\":[{\"device\":\"a\",\"keySha256\":\"zz\"}]}",
        "{\"devices\":[{\"device\":\"a\"},{\"device\":\"a\"}]}"
      })
  void refusesBadPreauthorisations(String body) {
    json(plane.post("/v1/preauthorisations", body), 400);
  }

  @Test
  void forgetsAPreauthorisation() {
    plane.post("/v1/preauthorisations", "{\"devices\":[{\"device\":\"serial-4\"}]}");

    assertThat(plane.delete("/v1/preauthorisations/serial-4").statusCode()).isEqualTo(204);
    assertThat(plane.delete("/v1/preauthorisations/serial-4").statusCode()).isEqualTo(404);
  }

  private HttpResponse<String> enrol(String token, String device, KeyPair key) {
    return enrol(token, device, EnrolledDevice.csr(key));
  }

  private HttpResponse<String> enrol(String token, String device, String csr) {
    return EnrolledDevice.post(
        plane, "/v1/enrolments", EnrolledDevice.body(token, device, csr, "{}").toString());
  }

  private static JsonObject json(HttpResponse<String> answer, int status) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    return JsonParser.parseString(answer.body()).getAsJsonObject();
  }
}
