package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;

/**
 * One prediction whose actual outcome is known.
 *
 * @param score 0 to 1
 * @param positive the actual outcome
 * @param inclusionProbability with which it was chosen to become known, above 0 to 1
 */
public record Outcome(
    DeviceId device, double score, boolean positive, double inclusionProbability) {
  /**
   * Checks the probability.
   *
   * @throws IllegalArgumentException if it is not above 0 and at most 1
   */
  public Outcome {
    if (!(inclusionProbability > 0 && inclusionProbability <= 1)) {
      throw new IllegalArgumentException(
          "inclusion probability %s is not above 0 and at most 1".formatted(inclusionProbability));
    }
  }

  /** An outcome that was sure to become known. */
  public Outcome(DeviceId device, double score, boolean positive) {
    this(device, score, positive, 1);
  }

  /** Predictions that it stands for. */
  public double weight() {
    return 1 / inclusionProbability;
  }
}
