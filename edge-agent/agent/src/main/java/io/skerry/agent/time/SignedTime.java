package io.skerry.agent.time;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;

/**
 * The control plane's signed answer to the question what time it is: {@code {"nonce":"<hex>",
 * "at":"<ISO-8601>"}} in an envelope by the director role.
 *
 * @param nonce of the question
 */
record SignedTime(String nonce, Instant at) {
  static final String PAYLOAD_TYPE = "application/vnd.skerry.time.v1+json";

  /** The largest answer that is read. */
  static final int BYTES_MAX = 8 * 1024;

  /**
   * Reads an envelope in JSON.
   *
   * @throws SignatureInvalidException if the director role did not sign it, or it holds no time
   */
  static SignedTime open(byte[] envelope, Trust trust) {
    if (envelope.length > BYTES_MAX) {
      throw new SignatureInvalidException(
          "signed time has %d bytes, at most %d are read".formatted(envelope.length, BYTES_MAX));
    }
    byte[] payload = trust.directed(DsseEnvelope.parseJson(envelope), PAYLOAD_TYPE);
    try {
      JsonObject object =
          JsonParser.parseString(new String(payload, StandardCharsets.UTF_8)).getAsJsonObject();
      return new SignedTime(
          object.get("nonce").getAsString(), Instant.parse(object.get("at").getAsString()));
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | NullPointerException
        | DateTimeException e) {
      throw new SignatureInvalidException("signed payload holds no time", e);
    }
  }
}
