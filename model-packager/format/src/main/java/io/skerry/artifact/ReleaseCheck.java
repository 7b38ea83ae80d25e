package io.skerry.artifact;

import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.protocol.ErrorCode;
import java.util.List;

/** Decides whether an artifact may be used, by the envelope over its manifest. */
@FunctionalInterface
public interface ReleaseCheck {
  /**
   * The manifest, once those who may release it are proven to have signed it.
   *
   * @throws ArtifactException if they did not, or the payload is no manifest
   */
  ArtifactManifest released(DsseEnvelope envelope);

  /** Believes these keys, and nobody else. One signature is enough. */
  static ReleaseCheck byKeys(List<VerificationKey> keys) {
    List<VerificationKey> believed = List.copyOf(keys);
    return envelope -> {
      try {
        return ArtifactManifest.parse(Dsse.verify(envelope, ArtifactManifest.MEDIA_TYPE, believed));
      } catch (SignatureInvalidException e) {
        throw new ArtifactException(
            ErrorCode.ARTIFACT_SIGNATURE_INVALID, String.valueOf(e.getMessage()), e);
      }
    };
  }

  /**
   * Believes nobody's signature but the reader's own digest: for a manifest that was checked when
   * it was accepted, and whose digest the caller kept since. What runs keeps running when its key
   * is rotated away or the floor rises above it.
   */
  static ReleaseCheck acceptedBefore() {
    return envelope -> {
      if (!envelope.payloadType().equals(ArtifactManifest.MEDIA_TYPE)) {
        throw new ArtifactException(
            ErrorCode.ARTIFACT_SIGNATURE_INVALID,
            "envelope holds '%s', expected '%s'"
                .formatted(envelope.payloadType(), ArtifactManifest.MEDIA_TYPE));
      }
      return ArtifactManifest.parse(envelope.unverifiedPayload());
    };
  }
}
