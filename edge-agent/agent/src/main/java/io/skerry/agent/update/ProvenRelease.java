package io.skerry.agent.update;

import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ReleaseCheck;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.Digest;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Who released a version, asked of the trust that holds now. A version is asked for when its
 * envelope was fetched and again when all of it is here, and a small processor takes milliseconds
 * for a signature: of the same bytes under the same trust the answer is the same. Thread-safe.
 */
final class ProvenRelease implements ReleaseCheck {
  private final Supplier<Trust> trust;
  private volatile Optional<Proven> last = Optional.empty();

  /**
   * The envelope that was proven last.
   *
   * @param trust that proved it
   */
  private record Proven(Digest envelope, Trust trust) {}

  ProvenRelease(Supplier<Trust> trust) {
    this.trust = trust;
  }

  @Override
  public ArtifactManifest released(DsseEnvelope envelope) {
    Trust now = trust.get();
    Digest digest = Digest.of(envelope.toJson());
    if (last.filter(one -> one.trust() == now && one.envelope().equals(digest)).isPresent()) {
      return ArtifactManifest.parse(envelope.unverifiedPayload());
    }
    ArtifactManifest manifest = now.released(envelope);
    last = Optional.of(new Proven(digest, now));
    return manifest;
  }
}
