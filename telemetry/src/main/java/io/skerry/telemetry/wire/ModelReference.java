package io.skerry.telemetry.wire;

import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.wire.fleet.v1.ModelRef;

/** Which running artifact a record is about. */
public record ModelReference(SlotId slot, ModelVersion version, Digest manifest) {
  /** As it travels. */
  public ModelRef toWire() {
    return ModelRef.newBuilder()
        .setSlot(slot.value())
        .setModel(version.model().value())
        .setVersion(version.version())
        .setManifestDigest(manifest.toString())
        .build();
  }

  /**
   * Reads one.
   *
   * @throws MalformedDocumentException if a name, version or digest is invalid
   */
  public static ModelReference fromWire(ModelRef wire) throws MalformedDocumentException {
    try {
      return new ModelReference(
          new SlotId(wire.getSlot()),
          new ModelVersion(new ModelName(wire.getModel()), wire.getVersion()),
          Digest.parse(wire.getManifestDigest()));
    } catch (IllegalArgumentException e) {
      throw new MalformedDocumentException("model reference: " + e.getMessage(), e);
    }
  }
}
