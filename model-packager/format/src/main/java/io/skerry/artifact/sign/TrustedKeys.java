package io.skerry.artifact.sign;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Whom a device believes: keys that may release artifacts, and keys that may tell it what to run.
 * Travels as the payload of an envelope signed by the root key.
 *
 * <p>As JSON, in UTF-8: {@code {"director":[HEX...],"release":[HEX...]}}.
 *
 * @param releaseKeys may sign artifacts, 1 to 16
 * @param directorKeys may sign desired documents, 1 to 16
 */
public record TrustedKeys(List<VerificationKey> releaseKeys, List<VerificationKey> directorKeys) {
  /** Payload type of the signed form. */
  public static final String PAYLOAD_TYPE = "application/vnd.skerry.trust.v1+json";

  /** Keys that one role can have. */
  public static final int KEYS_MAX = 16;

  /**
   * Checks the counts.
   *
   * @throws IllegalArgumentException if a role has no key or more than {@link #KEYS_MAX}
   */
  public TrustedKeys {
    releaseKeys = checked("release", releaseKeys);
    directorKeys = checked("director", directorKeys);
  }

  private static List<VerificationKey> checked(String role, List<VerificationKey> keys) {
    if (keys.isEmpty() || keys.size() > KEYS_MAX) {
      throw new IllegalArgumentException(
          "%d %s keys: expected 1 to %d".formatted(keys.size(), role, KEYS_MAX));
    }
    return List.copyOf(keys);
  }

  /** These keys, signed by root. */
  public DsseEnvelope signedBy(SigningKey root) {
    JsonObject object = new JsonObject();
    object.add("director", hex(directorKeys));
    object.add("release", hex(releaseKeys));
    return Dsse.sign(PAYLOAD_TYPE, object.toString().getBytes(StandardCharsets.UTF_8), root);
  }

  /**
   * The keys in this envelope.
   *
   * @param root the root key, already checked against the fingerprint that the device was given
   * @throws SignatureInvalidException if root did not sign it, or it holds no trusted keys
   */
  public static TrustedKeys open(DsseEnvelope envelope, VerificationKey root) {
    byte[] payload = Dsse.verify(envelope, PAYLOAD_TYPE, List.of(root));
    try {
      JsonObject object =
          JsonParser.parseString(new String(payload, StandardCharsets.UTF_8)).getAsJsonObject();
      return new TrustedKeys(
          keys(object.getAsJsonArray("release")), keys(object.getAsJsonArray("director")));
    } catch (JsonParseException
        | IllegalStateException
        | IllegalArgumentException
        | ClassCastException
        | NullPointerException
        | UnsupportedOperationException e) {
      throw new SignatureInvalidException("signed payload holds no trusted keys", e);
    }
  }

  /**
   * The keys in this envelope, for a device that knows its root by fingerprint only.
   *
   * @param root the root key as sent along, believed only if its fingerprint matches
   * @param rootFingerprint {@link VerificationKey#fingerprint} from the enrolment token
   * @throws SignatureInvalidException if the fingerprint or the signature does not match
   */
  public static TrustedKeys open(
      DsseEnvelope envelope, VerificationKey root, String rootFingerprint) {
    if (!root.fingerprint().equals(rootFingerprint)) {
      throw new SignatureInvalidException(
          "root key has fingerprint %s, expected %s"
              .formatted(root.fingerprint(), rootFingerprint));
    }
    return open(envelope, root);
  }

  private static JsonArray hex(List<VerificationKey> keys) {
    JsonArray array = new JsonArray();
    keys.forEach(key -> array.add(key.hex()));
    return array;
  }

  private static List<VerificationKey> keys(JsonArray array) {
    List<VerificationKey> keys = new ArrayList<>();
    for (JsonElement element : array) {
      keys.add(VerificationKey.ofHex(element.getAsString()));
    }
    return keys;
  }
}
