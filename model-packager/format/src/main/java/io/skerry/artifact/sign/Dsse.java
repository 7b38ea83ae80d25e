package io.skerry.artifact.sign;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Dead Simple Signing Envelope: signatures over the exact bytes of a payload and its type.
 *
 * <p>What is signed is the pre-authentication encoding, lengths in bytes as decimal text:
 *
 * <pre>{@code "DSSEv1" SP len(type) SP type SP len(payload) SP payload}</pre>
 *
 * @see <a href="https://github.com/secure-systems-lab/dsse">DSSE</a>
 */
public final class Dsse {
  private Dsse() {}

  /** An envelope with one signature by {@code key}. */
  public static DsseEnvelope sign(String payloadType, byte[] payload, SigningKey key) {
    byte[] signature = key.sign(preAuthenticationEncoding(payloadType, payload));
    return new DsseEnvelope(
        payloadType, payload, List.of(new DsseSignature(key.verificationKey().id(), signature)));
  }

  /**
   * The payload, once one of the trusted keys is proven to have signed it as this type.
   *
   * @param payloadType what the caller is about to read the payload as
   * @param trusted keys of which one valid signature is enough
   * @throws SignatureInvalidException if the type differs or no trusted key signed
   */
  public static byte[] verify(
      DsseEnvelope envelope, String payloadType, Collection<VerificationKey> trusted) {
    if (!envelope.payloadType().equals(payloadType)) {
      throw new SignatureInvalidException(
          "envelope holds '%s', expected '%s'".formatted(envelope.payloadType(), payloadType));
    }
    byte[] payload = envelope.unverifiedPayload();
    byte[] signed = preAuthenticationEncoding(payloadType, payload);
    for (DsseSignature signature : envelope.signatures()) {
      for (VerificationKey key : trusted) {
        if (key.id().equals(signature.keyId()) && key.verifies(signed, signature.signature())) {
          return payload;
        }
      }
    }
    throw new SignatureInvalidException(
        "no valid signature by a trusted key: signed by %s, trusted are %s"
            .formatted(
                envelope.signatures().stream()
                    .map(DsseSignature::keyId)
                    .collect(Collectors.joining(", ", "[", "]")),
                trusted.stream()
                    .map(VerificationKey::id)
                    .collect(Collectors.joining(", ", "[", "]"))));
  }

  static byte[] preAuthenticationEncoding(String payloadType, byte[] payload) {
    byte[] type = payloadType.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream encoded = new ByteArrayOutputStream(payload.length + type.length + 40);
    encoded.writeBytes(("DSSEv1 " + type.length + " ").getBytes(StandardCharsets.US_ASCII));
    encoded.writeBytes(type);
    encoded.writeBytes((" " + payload.length + " ").getBytes(StandardCharsets.US_ASCII));
    encoded.writeBytes(payload);
    return encoded.toByteArray();
  }
}
