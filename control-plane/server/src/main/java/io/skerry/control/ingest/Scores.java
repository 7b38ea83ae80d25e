package io.skerry.control.ingest;

import io.skerry.wire.fleet.v1.NamedTensor;
import java.nio.ByteOrder;
import java.util.Optional;

/** The score of a prediction. */
final class Scores {
  private Scores() {}

  /** The output's first value, when it is a finite FP32. */
  static Optional<Double> of(NamedTensor output) {
    if (!output.getDatatype().equals("FP32") || output.getData().size() < Float.BYTES) {
      return Optional.empty();
    }
    double score =
        output.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).getFloat();
    return Double.isFinite(score) ? Optional.of(score) : Optional.empty();
  }
}
