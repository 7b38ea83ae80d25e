package io.skerry.control.link;

import com.google.protobuf.ByteString;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.wire.fleet.v1.Envelope;

/** Signed envelopes as they travel over MQTT. */
final class SignedMessage {
  private SignedMessage() {}

  static byte[] of(DsseEnvelope signed) {
    Envelope.Builder envelope =
        Envelope.newBuilder()
            .setPayloadType(signed.payloadType())
            .setPayload(ByteString.copyFrom(signed.unverifiedPayload()));
    for (DsseSignature signature : signed.signatures()) {
      envelope.addSignatures(
          Envelope.Signature.newBuilder()
              .setKeyId(signature.keyId())
              .setSignature(ByteString.copyFrom(signature.signature())));
    }
    return envelope.build().toByteArray();
  }
}
