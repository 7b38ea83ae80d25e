package io.skerry.artifact;

import java.util.Optional;

/** What a layer of an artifact holds. */
public enum LayerType {
  MODEL_ONNX("application/vnd.skerry.model.onnx.v1"),
  MODEL_TFLITE("application/vnd.skerry.model.tflite.v1"),
  /** Inputs with the outputs expected for them: {@link GoldenSet}. */
  GOLDEN("application/vnd.skerry.golden.v1"),
  /** The protobuf message MonitoringManifest. */
  MONITORING("application/vnd.skerry.monitoring.v1+protobuf"),
  /** Names of classes, a JSON list. */
  LABELS("application/vnd.skerry.labels.v1+json"),
  /**
   * What was measured while this variant was chosen. Beside the signature, not in the model
   * manifest: it differs from run to run, and all else is the same bytes for the same model.
   */
  MEASUREMENTS("application/vnd.skerry.measurements.v1+json");

  private final String mediaType;

  LayerType(String mediaType) {
    this.mediaType = mediaType;
  }

  /** The type of this media type. */
  public static Optional<LayerType> parse(String mediaType) {
    for (LayerType type : values()) {
      if (type.mediaType.equals(mediaType)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  /** Its media type. */
  public String mediaType() {
    return mediaType;
  }

  /** Whether this is the model itself. */
  public boolean isModel() {
    return this == MODEL_ONNX || this == MODEL_TFLITE;
  }
}
