package io.skerry.e2e.scene;

import io.skerry.artifact.OciLayout;
import io.skerry.protocol.Digest;

/**
 * A packaged version that the control plane has.
 *
 * @param model digest of the model file
 */
public record Artifact(long version, Digest manifest, Digest signature, Digest model) {
  static Artifact of(long version, OciLayout layout, byte[] model) {
    return new Artifact(version, layout.model(), layout.signature(), Digest.of(model));
  }
}
