package io.skerry.control.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import io.skerry.control.device.SigningKeys;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class PortsTest {
  private static final String NONCE = "00112233445566778899aabbccddeeff";

  private final TestControlPlane plane = TestControlPlane.shared();

  @ParameterizedTest
  @ValueSource(
      strings = {"/", "/v1/devices", "/v1/users", "/v1/audit", "/v1/overview", "/v1/nothing"})
  void hidesTheConsoleFromTheDevicesPort(String path) {
    EnrolledDevice device =
        EnrolledDevice.enrol(plane, "ports-" + Integer.toHexString(path.hashCode()));

    assertThat(device.send(device.request(path)).statusCode()).isEqualTo(404);
    assertThat(
            device
                .send(device.request(path).header("Authorization", "Bearer " + plane.token()))
                .statusCode())
        .as("for an administrator too")
        .isEqualTo(404);
  }

  @Test
  void hidesTheDevicesEndpointsFromTheConsolesPort() {
    assertThat(plane.get("/v1/time?nonce=" + NONCE).statusCode()).isEqualTo(404);
    assertThat(plane.post("/v1/certificates", "{\"csr\":\"x\"}").statusCode()).isEqualTo(404);
    assertThat(plane.post("/v1/enrolments", "{\"device\":\"x\"}").statusCode()).isEqualTo(404);
    assertThat(plane.get("/v1/roots/1").statusCode()).isEqualTo(404);
    assertThat(plane.get("/v1/snapshot").statusCode()).isEqualTo(404);
  }

  @Test
  void answersHealthOnBothPorts() {
    assertThat(plane.get("/health/live").statusCode()).isEqualTo(200);
    assertThat(EnrolledDevice.get(plane, "/health/live").statusCode()).isEqualTo(200);
  }

  @Test
  void takesNoCookieAndNoLinkOnTheDevicesPort() {
    String path = "/artifacts/sha256/" + "0".repeat(64);

    assertThat(EnrolledDevice.get(plane, path + "?token=" + plane.token()).statusCode())
        .isEqualTo(401);
  }

  @Test
  void tellsTheTimeSignedByTheDirectorWithTheAskersNonce() throws Exception {
    HttpResponse<String> answer = EnrolledDevice.get(plane, "/v1/time?nonce=" + NONCE);

    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    DsseEnvelope envelope = DsseEnvelope.parseJson(answer.body().getBytes(StandardCharsets.UTF_8));
    JsonObject payload =
        JsonParser.parseString(
                new String(
                    Dsse.verify(
                        envelope,
                        "application/vnd.skerry.time.v1+json",
                        List.of(plane.bean(SigningKeys.class).director().verificationKey())),
                    StandardCharsets.UTF_8))
            .getAsJsonObject();
    assertThat(payload.get("nonce").getAsString()).isEqualTo(NONCE);
    assertThat(Instant.parse(payload.get("at").getAsString()))
        .isCloseTo(Instant.now(), Assertions.within(Duration.ofMinutes(1)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "?nonce=", "?nonce=00", "?nonce=00112233445566778899AABBCCDDEEFF"})
  void asksForANonce(String query) {
    assertThat(EnrolledDevice.get(plane, "/v1/time" + query).statusCode()).isEqualTo(400);
  }
}
