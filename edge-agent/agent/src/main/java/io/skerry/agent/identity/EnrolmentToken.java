package io.skerry.agent.identity;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;

/**
 * What an enrolment token names: the control plane, and whom to believe there.
 *
 * <pre>
 * {@code skerry1.<base64url of {"url":"https://host:8443","secret":"...","ca":"<sha256>","root":"<sha256>"}>}
 * </pre>
 *
 * @param url of the control plane's port for devices
 * @param secret lets devices enrol; empty when only devices enrol whose key is known already
 * @param authority SHA-256 of the certificate authority's certificate, 64 hex digits
 * @param root SHA-256 of the first root document, 64 hex digits
 */
record EnrolmentToken(URI url, Optional<String> secret, String authority, String root) {
  static final int CHARS_MAX = 4096;
  private static final String PREFIX = "skerry1.";

  /**
   * Reads a token.
   *
   * @throws EnrolmentException if it is none
   */
  static EnrolmentToken parse(String text) throws EnrolmentException {
    String token = text.strip();
    if (!token.startsWith(PREFIX)) {
      throw new EnrolmentException("token does not start with '" + PREFIX + "'");
    }
    if (token.length() > CHARS_MAX) {
      throw new EnrolmentException(
          "token has %d characters, at most %d are allowed".formatted(token.length(), CHARS_MAX));
    }
    JsonObject object;
    URI url;
    try {
      byte[] json = Base64.getUrlDecoder().decode(token.substring(PREFIX.length()));
      object = JsonParser.parseString(new String(json, StandardCharsets.UTF_8)).getAsJsonObject();
      url = URI.create(text(object, "url"));
    } catch (JsonParseException | IllegalStateException | IllegalArgumentException e) {
      throw new EnrolmentException("token is damaged: copy it as a whole", e);
    }
    if (!"https".equals(url.getScheme()) || url.getHost() == null) {
      throw new EnrolmentException("token names %s, which is no https address".formatted(url));
    }
    String secret = text(object, "secret");
    return new EnrolmentToken(
        url,
        secret.isEmpty() ? Optional.empty() : Optional.of(secret),
        fingerprint(object, "ca"),
        fingerprint(object, "root"));
  }

  private static String fingerprint(JsonObject object, String key) throws EnrolmentException {
    String value = text(object, key);
    if (!value.matches("[0-9a-f]{64}")) {
      throw new EnrolmentException(
          "token names no fingerprint '%s': ask for one from this version".formatted(key));
    }
    return value;
  }

  private static String text(JsonObject object, String key) {
    JsonElement value = object.get(key);
    return value != null && value.isJsonPrimitive() ? value.getAsString() : "";
  }

  @Override
  public String toString() {
    return "EnrolmentToken[%s]".formatted(url);
  }
}
