package io.skerry.agent.update;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.wire.fleet.v1.Envelope;

/** A desired document as it arrives: nothing in it is read before a director key is proven. */
final class DesiredEnvelope {
  // Room for the type and the signatures around the largest document.
  private static final int ENVELOPE_BYTES_MAX = DesiredDocument.BYTES_MAX + 4096;

  private DesiredEnvelope() {}

  /**
   * The document.
   *
   * @throws SignatureInvalidException if the director role did not sign it
   * @throws MalformedDocumentException if it is too large or unreadable
   */
  static DesiredDocument open(byte[] payload, Trust trust) throws MalformedDocumentException {
    if (payload.length > ENVELOPE_BYTES_MAX) {
      throw new MalformedDocumentException(
          "desired envelope has %d bytes".formatted(payload.length));
    }
    try {
      Envelope wire = Envelope.parseFrom(payload);
      DsseEnvelope envelope =
          new DsseEnvelope(
              wire.getPayloadType(),
              wire.getPayload().toByteArray(),
              wire.getSignaturesList().stream()
                  .map(
                      signature ->
                          new DsseSignature(
                              signature.getKeyId(), signature.getSignature().toByteArray()))
                  .toList());
      return ProtocolCodec.decodeDesired(trust.directed(envelope, DesiredDocument.PAYLOAD_TYPE));
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedDocumentException("desired envelope: " + e.getMessage(), e);
    }
  }
}
