package io.skerry.agent.trust;

import com.google.protobuf.ByteString;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.wire.fleet.v1.Envelope;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Keys of a control plane, and what they sign. */
public final class TrustFixture {
  public static final Instant NOW = Instant.parse("2026-11-20T08:00:00Z");

  final SigningKey root = SigningKey.generate();
  final SigningKey online = SigningKey.generate();

  public DsseEnvelope root(long version) {
    return root(version, online);
  }

  DsseEnvelope root(long version, SigningKey snapshotKey) {
    return root(version, online, snapshotKey);
  }

  /** A root that gives release and orders to one key, snapshots to another. */
  public DsseEnvelope root(long version, SigningKey director, SigningKey snapshotKey) {
    Role role = Role.of(director.verificationKey());
    return new RootDocument(
            version,
            NOW.plus(Duration.ofDays(365)),
            Role.of(root.verificationKey()),
            role,
            role,
            Role.of(snapshotKey.verificationKey()),
            List.of(),
            Map.of())
        .signedBy(List.of(root));
  }

  String fingerprint() {
    return RootDocument.fingerprint(root(1));
  }

  DsseEnvelope snapshot(long version, long rootVersion) {
    return snapshot(version, rootVersion, online);
  }

  DsseEnvelope snapshot(long version, long rootVersion, SigningKey key) {
    return new Snapshot(version, NOW, NOW.plus(Duration.ofDays(7)), rootVersion, Map.of())
        .signedBy(key);
  }

  static String json(DsseEnvelope envelope) {
    return new String(envelope.toJson(), StandardCharsets.UTF_8);
  }

  public static byte[] message(DsseEnvelope envelope) {
    Envelope.Builder wire =
        Envelope.newBuilder()
            .setPayloadType(envelope.payloadType())
            .setPayload(ByteString.copyFrom(envelope.unverifiedPayload()));
    for (DsseSignature signature : envelope.signatures()) {
      wire.addSignatures(
          Envelope.Signature.newBuilder()
              .setKeyId(signature.keyId())
              .setSignature(ByteString.copyFrom(signature.signature())));
    }
    return wire.build().toByteArray();
  }
}
