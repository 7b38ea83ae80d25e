package io.skerry.agent.trust;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.fleet.v1.Envelope;

/** Signed envelopes as they travel over MQTT. */
public final class WireEnvelope {
  private WireEnvelope() {}

  /**
   * The envelope in a message. Nothing in it is proven.
   *
   * @param bytesMax the largest message that is looked into
   * @throws MalformedDocumentException if it is too large or no envelope
   */
  public static DsseEnvelope parse(byte[] message, int bytesMax) throws MalformedDocumentException {
    if (message.length > bytesMax) {
      throw new MalformedDocumentException(
          "signed message has %d bytes, more than %d".formatted(message.length, bytesMax));
    }
    try {
      Envelope wire = Envelope.parseFrom(message);
      return new DsseEnvelope(
          wire.getPayloadType(),
          wire.getPayload().toByteArray(),
          wire.getSignaturesList().stream()
              .map(
                  signature ->
                      new DsseSignature(
                          signature.getKeyId(), signature.getSignature().toByteArray()))
              .toList());
    } catch (InvalidProtocolBufferException | SignatureInvalidException e) {
      throw new MalformedDocumentException("message is no envelope: " + e.getMessage(), e);
    }
  }
}
