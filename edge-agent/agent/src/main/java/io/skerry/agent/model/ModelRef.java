package io.skerry.agent.model;

import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;

/**
 * What answered: one version in one slot.
 *
 * @param manifest digest of the artifact's manifest; of the model file when there is no artifact
 */
public record ModelRef(SlotId slot, ModelVersion version, Digest manifest) {
  @Override
  public String toString() {
    return version + " in slot " + slot;
  }
}
