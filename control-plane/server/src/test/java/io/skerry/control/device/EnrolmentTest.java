package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.trust.Trust;
import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class EnrolmentTest {
  private static final String FACTS =
      """
      {"arch":"x86-64","cpuFeatures":["sse4_2","avx","avx2","fma"],"cores":4,
       "memoryBytes":8000000000,"accelerators":[],"engines":["onnxruntime/cpu"],"board":""}
      """;

  private final TestControlPlane plane = TestControlPlane.shared();
  private final SigningKeys keys = plane.bean(SigningKeys.class);

  @Test
  void givesADeviceWhatItNeedsToTrustAndConnect() {
    JsonObject token = token("{\"uses\":1,\"labels\":{\"site\":\"b\"}}");

    JsonObject enrolment = json(enrol(token, "enrol-1", "{\"site\":\"x\",\"line\":\"3\"}"), 201);

    assertThat(token.get("url").getAsString()).isEqualTo(plane.controlBase().toString());
    assertThat(enrolment.get("mqttPort").getAsInt()).isEqualTo(plane.mqttPort());
    Trust trusted =
        Trust.pinned(
            DsseEnvelope.parseJson(
                enrolment
                    .getAsJsonArray("roots")
                    .get(0)
                    .getAsString()
                    .getBytes(StandardCharsets.UTF_8)),
            token.get("root").getAsString());
    assertThat(trusted.root().director().keys()).containsExactly(keys.director().verificationKey());
    JsonObject device = json(plane.get("/v1/devices/enrol-1"), 200);
    assertThat(device.get("profile").getAsString()).isEqualTo("x86-64-avx2");
    assertThat(device.get("online").getAsBoolean()).isFalse();
    assertThat(device.getAsJsonObject("labels").toString())
        .contains("\"site\":\"b\"", "\"line\":\"3\"");
  }

  @Test
  void letsATokenBeUsedOnlyAsOftenAsItSays() {
    JsonObject token = token("{\"uses\":1}");
    json(enrol(token, "enrol-2", "{}"), 201);

    JsonObject problem = json(enrol(token, "enrol-3", "{}"), 401);

    assertThat(problem.get("detail").getAsString()).contains("used up");
    assertThat(plane.get("/v1/devices/enrol-3").statusCode()).isEqualTo(404);
  }

  @Test
  void keepsTheNameOfADeviceAndTheUseOfTheToken() {
    json(enrol(token("{\"uses\":1}"), "enrol-4", "{}"), 201);
    JsonObject token = token("{\"uses\":1}");

    json(enrol(token, "enrol-4", "{}"), 409);

    json(enrol(token, "enrol-5", "{}"), 201);
  }

  @Test
  void refusesNamesThatCouldReachOtherTopics() {
    json(enrol(token("{\"uses\":1}"), "a/+/#", "{}"), 400);
  }

  private JsonObject token(String request) {
    String token =
        json(plane.post("/v1/enrolment-tokens", request), 201).get("token").getAsString();
    assertThat(token).startsWith("skerry1.");
    return JsonParser.parseString(
            new String(
                Base64.getUrlDecoder().decode(token.substring("skerry1.".length())),
                StandardCharsets.UTF_8))
        .getAsJsonObject();
  }

  private HttpResponse<String> enrol(JsonObject token, String device, String labels) {
    JsonObject body =
        EnrolledDevice.body(
            token.get("secret").getAsString(),
            device,
            EnrolledDevice.csr(EnrolledDevice.newKey()),
            labels);
    body.add("facts", JsonParser.parseString(FACTS));
    return EnrolledDevice.post(plane, "/v1/enrolments", body.toString());
  }

  private static JsonObject json(HttpResponse<String> answer, int status) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    return JsonParser.parseString(answer.body()).getAsJsonObject();
  }
}
