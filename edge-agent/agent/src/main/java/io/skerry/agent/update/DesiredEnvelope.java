package io.skerry.agent.update;

import io.skerry.agent.trust.WireEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;

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
    return ProtocolCodec.decodeDesired(
        trust.directed(
            WireEnvelope.parse(payload, ENVELOPE_BYTES_MAX), DesiredDocument.PAYLOAD_TYPE));
  }
}
