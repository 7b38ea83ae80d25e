package io.skerry.artifact.sign;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
    return sign(payloadType, payload, List.of(key));
  }

  /**
   * An envelope with one signature by each of these keys, in their order; a key given twice signs
   * once.
   */
  public static DsseEnvelope sign(String payloadType, byte[] payload, Collection<SigningKey> keys) {
    byte[] encoded = preAuthenticationEncoding(payloadType, payload);
    Map<VerificationKey, DsseSignature> signatures = new LinkedHashMap<>();
    for (SigningKey key : keys) {
      signatures.put(
          key.verificationKey(), new DsseSignature(key.verificationKey().id(), key.sign(encoded)));
    }
    return new DsseEnvelope(payloadType, payload, List.copyOf(signatures.values()));
  }

  /** The same envelope with one more signature. */
  public static DsseEnvelope countersign(DsseEnvelope envelope, SigningKey key) {
    byte[] encoded =
        preAuthenticationEncoding(envelope.payloadType(), envelope.unverifiedPayload());
    List<DsseSignature> signatures = new ArrayList<>(envelope.signatures());
    signatures.removeIf(signature -> signature.keyId().equals(key.verificationKey().id()));
    signatures.add(new DsseSignature(key.verificationKey().id(), key.sign(encoded)));
    return new DsseEnvelope(envelope.payloadType(), envelope.unverifiedPayload(), signatures);
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
    return verify(envelope, payloadType, trusted, 1);
  }

  /**
   * The payload, once enough different keys are proven to have signed it as this type.
   *
   * @param threshold how many different keys of the trusted ones must have signed, from 1
   * @throws SignatureInvalidException if the type differs or too few trusted keys signed
   */
  public static byte[] verify(
      DsseEnvelope envelope,
      String payloadType,
      Collection<VerificationKey> trusted,
      int threshold) {
    Set<VerificationKey> signers = signers(envelope, payloadType, trusted);
    if (signers.size() >= Math.max(1, threshold)) {
      return envelope.unverifiedPayload();
    }
    throw new SignatureInvalidException(
        "%d of %d needed signatures by a trusted key: signed by %s, trusted are %s"
            .formatted(
                signers.size(),
                threshold,
                envelope.signatures().stream()
                    .map(DsseSignature::keyId)
                    .collect(Collectors.joining(", ", "[", "]")),
                trusted.stream()
                    .map(VerificationKey::id)
                    .collect(Collectors.joining(", ", "[", "]"))));
  }

  /**
   * Which of these keys are proven to have signed the payload as this type, each once however often
   * it signed.
   *
   * @throws SignatureInvalidException if the type differs
   */
  public static Set<VerificationKey> signers(
      DsseEnvelope envelope, String payloadType, Collection<VerificationKey> keys) {
    if (!envelope.payloadType().equals(payloadType)) {
      throw new SignatureInvalidException(
          "envelope holds '%s', expected '%s'".formatted(envelope.payloadType(), payloadType));
    }
    byte[] signed = preAuthenticationEncoding(payloadType, envelope.unverifiedPayload());
    Set<VerificationKey> signers = new LinkedHashSet<>();
    for (DsseSignature signature : envelope.signatures()) {
      for (VerificationKey key : keys) {
        if (key.id().equals(signature.keyId()) && key.verifies(signed, signature.signature())) {
          signers.add(key);
        }
      }
    }
    return signers;
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
