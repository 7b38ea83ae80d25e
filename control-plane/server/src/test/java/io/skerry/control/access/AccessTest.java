package io.skerry.control.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.micronaut.web.router.Router;
import io.skerry.control.TestControlPlane;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class AccessTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @ParameterizedTest
  @ValueSource(
      strings = {"/v1/users", "/v1/audit", "/v1/devices", "/v1/telemetry", "/artifacts/sha256/00"})
  void refusesWhoBringsNoToken(String path) {
    HttpResponse<String> answer = plane.send(plane.request(path));

    assertThat(answer.statusCode()).isEqualTo(401);
    assertThat(answer.headers().firstValue("content-type")).contains("application/problem+json");
    JsonObject problem = JsonParser.parseString(answer.body()).getAsJsonObject();
    assertThat(problem.get("code").getAsString()).isEqualTo("NOT_AUTHENTICATED");
    assertThat(problem.get("requestId").getAsString())
        .isEqualTo(answer.headers().firstValue("x-request-id").orElseThrow());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"Bearer wrong", "Bearer", "Basic ZGVmYXVsdC94Onk=", "Basic !!", "Other x"})
  void refusesWrongCredentials(String credentials) {
    HttpResponse<String> answer =
        plane.send(plane.request("/v1/devices").header("Authorization", credentials));

    assertThat(answer.statusCode()).isEqualTo(401);
    assertThat(answer.body()).contains("this token is not known here");
  }

  @Test
  void answersHealthToEverybody() {
    assertThat(plane.send(plane.request("/health/live")).statusCode()).isEqualTo(200);
    assertThat(plane.send(plane.request("/health/ready")).statusCode()).isEqualTo(200);
  }

  @Test
  void saysOfEveryEndpointWhoMayCallIt() {
    assertThat(plane.bean(Router.class).uriRoutes())
        .isNotEmpty()
        .allMatch(
            route ->
                route.getAnnotationMetadata().hasAnnotation(Allowed.class)
                    || route.getAnnotationMetadata().hasAnnotation(ForDevices.class)
                    || route.getAnnotationMetadata().hasAnnotation(Open.class));
  }

  @ParameterizedTest
  @CsvSource({
    "viewer, 200, 403, 403, 403",
    "operator, 200, 201, 403, 403",
    "approver, 200, 201, 403, 403",
    "auditor, 200, 403, 200, 403",
    "admin, 200, 201, 200, 200",
  })
  void letsEachRoleDoItsPart(String role, int read, int operate, int audit, int administer) {
    String token = newUser("role-" + role, role);

    assertThat(plane.send(as(token, "/v1/devices")).statusCode()).isEqualTo(read);
    assertThat(
            plane
                .send(
                    as(token, "/v1/enrolment-tokens")
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString("{\"uses\":1}")))
                .statusCode())
        .isEqualTo(operate);
    assertThat(plane.send(as(token, "/v1/audit")).statusCode()).isEqualTo(audit);
    assertThat(plane.send(as(token, "/v1/users")).statusCode()).isEqualTo(administer);
  }

  @Test
  void refusesAUserTwice() {
    newUser("twice", "viewer");

    HttpResponse<String> again =
        plane.post("/v1/users", "{\"name\":\"twice\",\"role\":\"viewer\"}");

    assertThat(again.statusCode()).isEqualTo(409);
    assertThat(again.body()).contains("ALREADY_EXISTS");
  }

  @Test
  void movesTheTokenOfALinkToACookie() {
    HttpResponse<String> link = plane.send(plane.request("/v1/devices?token=" + plane.token()));
    String cookie = link.headers().firstValue("set-cookie").orElseThrow();

    assertThat(link.statusCode()).isEqualTo(303);
    assertThat(cookie).containsIgnoringCase("HttpOnly").contains("SameSite=Strict");
    String pair = cookie.substring(0, cookie.indexOf(';'));
    assertThat(plane.send(plane.request("/v1/devices").header("Cookie", pair)).statusCode())
        .isEqualTo(200);
    assertThat(
            plane
                .send(
                    plane
                        .request("/v1/enrolment-tokens")
                        .header("Cookie", pair)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString("{\"uses\":1}")))
                .statusCode())
        .as("another site's form cannot act with the cookie")
        .isEqualTo(401);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/v1/users | {\"name\":\"bob\" | 400",
        "/v1/users | {\"name\":\"bob\",\"role\":\"king\"} | 400",
        "/v1/users | {\"name\":\"Bob Smith\",\"role\":\"viewer\"} | 400",
        "/v1/enrolment-tokens | {\"uses\":0} | 400",
        "/v1/nothing | {} | 404",
      })
  void answersBadRequestsWithProblems(String path, String body, int status) {
    HttpResponse<String> answer = plane.post(path, body);

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.headers().firstValue("content-type")).contains("application/problem+json");
  }

  private String newUser(String name, String role) {
    HttpResponse<String> created =
        plane.post("/v1/users", "{\"name\":\"%s\",\"role\":\"%s\"}".formatted(name, role));
    assertThat(created.statusCode()).isEqualTo(201);
    return JsonParser.parseString(created.body()).getAsJsonObject().get("token").getAsString();
  }

  private HttpRequest.Builder as(String token, String path) {
    return plane.request(path).header("Authorization", "Bearer " + token);
  }
}
