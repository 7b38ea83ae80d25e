package io.skerry.agent.update;

import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.Layer;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;

/** Fetches artifacts: what is missing of them, within what the device has and may. */
final class ArtifactDownload {
  private final ArtifactFiles files;
  private final BlobFolder blobs;
  private final BlobDownload download;
  private final DownloadLimits limits;

  ArtifactDownload(
      ArtifactFiles files, BlobFolder blobs, BlobDownload download, DownloadLimits limits) {
    this.files = files;
    this.blobs = blobs;
    this.download = download;
    this.limits = limits;
  }

  /** The most that fetching may take before the manifest says how much there is. */
  long budgetToBegin() {
    return (long) limits.sizeFactor() * DsseEnvelope.JSON_BYTES_MAX;
  }

  /** Fetches what is missing; refuses before the model travels what can be refused by then. */
  void candidate(DesiredSlot order, DownloadMeter meter) throws UpdateException {
    fetch(order, files::candidate, meter);
  }

  /** The same for a version that was accepted before. */
  void accepted(DesiredSlot order, DownloadMeter meter) throws UpdateException {
    fetch(order, files::accepted, meter);
  }

  private interface Check {
    ArtifactManifest of(DesiredSlot order) throws UpdateException;
  }

  private void fetch(DesiredSlot order, Check check, DownloadMeter meter) throws UpdateException {
    try {
      download.fetch(order.artifactBase(), order.signature(), DsseEnvelope.JSON_BYTES_MAX, meter);
      ArtifactManifest manifest = check.of(order);
      meter.allow(limits.sizeFactor() * (DsseEnvelope.JSON_BYTES_MAX + manifest.layerBytes()));
      reserve(manifest);
      for (Layer layer : manifest.layers()) {
        download.fetch(order.artifactBase(), layer, meter);
      }
    } finally {
      meter.tell();
    }
  }

  private void reserve(ArtifactManifest manifest) throws UpdateException {
    try {
      long needed = 0;
      for (Layer layer : manifest.layers()) {
        if (!blobs.has(layer.digest())) {
          needed += Math.max(0, layer.size() - blobs.partBytes(layer.digest()));
        }
      }
      long usable = blobs.usableBytes();
      if (needed > 0 && needed + limits.reserveBytes() > usable) {
        throw new UpdateException(
            ErrorCode.STORAGE_FULL,
            "%s needs %d bytes of disk and %d must stay free; %d are available"
                .formatted(manifest.model(), needed, limits.reserveBytes(), usable));
      }
    } catch (IOException e) {
      throw new UpdateException(
          ErrorCode.STORAGE_FAILED, "disk cannot be asked for its room: " + e.getMessage(), e);
    }
  }
}
