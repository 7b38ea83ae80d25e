package io.skerry.artifact.sign;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/**
 * A payload, its type and signatures over both. Nothing in it is to be believed before {@link
 * Dsse#verify} returned its payload.
 *
 * <p>As JSON, in UTF-8: {@code {"payload":BASE64,"payloadType":TEXT,
 * "signatures":[{"keyid":TEXT,"sig":BASE64}]}}.
 */
public final class DsseEnvelope {
  /** The largest JSON form that is read. */
  public static final int JSON_BYTES_MAX = 4 << 20;

  /** Signatures that an envelope may carry. */
  public static final int SIGNATURES_MAX = 16;

  private final String payloadType;
  private final byte[] payload;
  private final List<DsseSignature> signatures;

  /**
   * Takes an envelope apart that came another way than as JSON.
   *
   * @throws SignatureInvalidException if it has more than {@link #SIGNATURES_MAX} signatures
   */
  public DsseEnvelope(String payloadType, byte[] payload, List<DsseSignature> signatures) {
    if (signatures.size() > SIGNATURES_MAX) {
      throw new SignatureInvalidException(
          "envelope has %d signatures, more than %d".formatted(signatures.size(), SIGNATURES_MAX));
    }
    this.payloadType = payloadType;
    this.payload = payload.clone();
    this.signatures = List.copyOf(signatures);
  }

  /**
   * Reads the JSON form.
   *
   * @throws SignatureInvalidException if the bytes are no envelope
   */
  public static DsseEnvelope parseJson(byte[] json) {
    if (json.length > JSON_BYTES_MAX) {
      throw new SignatureInvalidException(
          "envelope has %d bytes, more than %d".formatted(json.length, JSON_BYTES_MAX));
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
      JsonObject object = JsonParser.parseString(text).getAsJsonObject();
      List<DsseSignature> signatures = new ArrayList<>();
      for (JsonElement element : object.getAsJsonArray("signatures")) {
        JsonObject signature = element.getAsJsonObject();
        signatures.add(
            new DsseSignature(signature.get("keyid").getAsString(), decoded(signature.get("sig"))));
      }
      return new DsseEnvelope(
          object.get("payloadType").getAsString(), decoded(object.get("payload")), signatures);
    } catch (JsonParseException
        | CharacterCodingException
        | IllegalStateException
        | IllegalArgumentException
        | ClassCastException
        | NullPointerException
        | UnsupportedOperationException e) {
      throw new SignatureInvalidException("bytes are no DSSE envelope", e);
    }
  }

  private static byte[] decoded(JsonElement base64) {
    return Base64.getDecoder().decode(base64.getAsString());
  }

  /** The JSON form; the same bytes for the same envelope. */
  public byte[] toJson() {
    JsonArray array = new JsonArray();
    for (DsseSignature signature : signatures) {
      JsonObject object = new JsonObject();
      object.addProperty("keyid", signature.keyId());
      object.addProperty("sig", Base64.getEncoder().encodeToString(signature.signature()));
      array.add(object);
    }
    JsonObject object = new JsonObject();
    object.addProperty("payload", Base64.getEncoder().encodeToString(payload));
    object.addProperty("payloadType", payloadType);
    object.add("signatures", array);
    return object.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** What the payload says to be. */
  public String payloadType() {
    return payloadType;
  }

  /** The payload, not verified: to be shown or forwarded, never acted on. */
  public byte[] unverifiedPayload() {
    return payload.clone();
  }

  /** All signatures, not verified. */
  public List<DsseSignature> signatures() {
    return signatures;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DsseEnvelope that
        && payloadType.equals(that.payloadType)
        && Arrays.equals(payload, that.payload)
        && signatures.equals(that.signatures);
  }

  @Override
  public int hashCode() {
    return 31 * payloadType.hashCode() + Arrays.hashCode(payload);
  }

  @Override
  public String toString() {
    return "envelope of %s, %d bytes, %s".formatted(payloadType, payload.length, signatures);
  }
}
