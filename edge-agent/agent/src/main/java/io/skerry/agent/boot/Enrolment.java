package io.skerry.agent.boot;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.artifact.trust.TrustException;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;

/** Turns an enrolment token into an identity. The device then trusts what its token names. */
public final class Enrolment {
  private static final String PREFIX = "skerry1.";
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int CREATED = 201;
  private static final int OK = 200;
  private static final int ANSWER_CHARS_MAX = 1 << 20;

  private Enrolment() {}

  /** What a token holds. */
  private record Token(URI url, String secret, String root) {
    static Token parse(String text) throws EnrolmentException {
      if (!text.startsWith(PREFIX)) {
        throw new EnrolmentException("token does not start with '" + PREFIX + "'");
      }
      try {
        byte[] json = Base64.getUrlDecoder().decode(text.substring(PREFIX.length()));
        JsonObject object =
            JsonParser.parseString(new String(json, StandardCharsets.UTF_8)).getAsJsonObject();
        return new Token(
            URI.create(object.get(object.has("plainUrl") ? "plainUrl" : "url").getAsString()),
            object.get("secret").getAsString(),
            object.get("root").getAsString());
      } catch (JsonParseException
          | IllegalStateException
          | IllegalArgumentException
          | UnsupportedOperationException
          | NullPointerException e) {
        throw new EnrolmentException("token is damaged: copy it as a whole", e);
      }
    }
  }

  /**
   * Enrols a device with the control plane that the token names.
   *
   * @param labels the device's own; the token's win
   * @throws EnrolmentException if the token is unusable, the control plane refuses, or what it
   *     sends is not signed by the root key that the token names
   */
  public static DeviceIdentity enrol(
      HttpClient http,
      String tokenText,
      DeviceId device,
      Map<String, String> labels,
      DeviceFacts facts)
      throws EnrolmentException, InterruptedException {
    Token token = Token.parse(tokenText);
    checkTransport(token.url());
    JsonObject request = new JsonObject();
    request.addProperty("token", token.secret());
    request.addProperty("device", device.value());
    Gson gson = new Gson();
    request.add("labels", gson.toJsonTree(labels));
    request.add("facts", gson.toJsonTree(facts));
    JsonObject answer = post(http, token.url(), request);
    try {
      DeviceIdentity identity =
          new DeviceIdentity(
              new TenantId(answer.get("tenant").getAsString()),
              new DeviceId(answer.get("device").getAsString()),
              answer.get("secret").getAsString(),
              answer.get("mqttHost").getAsString(),
              answer.get("mqttPort").getAsInt(),
              URI.create(answer.get("artifactBase").getAsString()),
              answer.get("trust").getAsString(),
              answer.get("rootKey").getAsString(),
              token.root());
      if (!identity.device().equals(device)) {
        throw new EnrolmentException(
            "the control plane enrolled '%s', not '%s'".formatted(identity.device(), device));
      }
      identity.pinnedTrust();
      return identity;
    } catch (TrustException e) {
      throw new EnrolmentException(
          "%s is not the control plane that the token names: %s"
              .formatted(token.url(), e.getMessage()),
          e);
    } catch (IllegalStateException
        | IllegalArgumentException
        | UnsupportedOperationException
        | NullPointerException e) {
      throw new EnrolmentException(token.url() + " answered no enrolment", e);
    }
  }

  private static void checkTransport(URI url) throws EnrolmentException {
    String host = String.valueOf(url.getHost());
    boolean loopback =
        host.equals("localhost")
            || (host.matches("[0-9.]+|\\[[0-9a-fA-F:]+\\]") && isLoopback(host));
    if (!"https".equals(url.getScheme()) && !loopback) {
      throw new EnrolmentException(
          "%s is neither https nor this machine: a secret would travel in the open".formatted(url));
    }
  }

  private static boolean isLoopback(String address) {
    try {
      return InetAddress.ofLiteral(address.replaceAll("[\\[\\]]", "")).isLoopbackAddress();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static JsonObject post(HttpClient http, URI base, JsonObject body)
      throws EnrolmentException, InterruptedException {
    URI uri = URI.create(base.toString().replaceAll("/+$", "") + "/v1/enrolments");
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .timeout(PATIENCE)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
            .build();
    try {
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.body().length() > ANSWER_CHARS_MAX) {
        throw new EnrolmentException(uri + " answered too much");
      }
      if (response.statusCode() != OK && response.statusCode() != CREATED) {
        throw new EnrolmentException("%s refused: %s".formatted(base, reason(response)));
      }
      return JsonParser.parseString(response.body()).getAsJsonObject();
    } catch (IOException e) {
      throw new EnrolmentException("%s cannot be reached: %s".formatted(base, e.getMessage()), e);
    } catch (JsonParseException | IllegalStateException e) {
      throw new EnrolmentException(uri + " answered no JSON object", e);
    }
  }

  private static String reason(HttpResponse<String> response) {
    try {
      JsonObject problem = JsonParser.parseString(response.body()).getAsJsonObject();
      return problem.has("detail")
          ? problem.get("detail").getAsString()
          : "status " + response.statusCode();
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      return "status " + response.statusCode();
    }
  }
}
