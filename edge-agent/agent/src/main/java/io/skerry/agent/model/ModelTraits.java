package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import java.util.List;
import java.util.stream.Stream;

/**
 * What is known of a version beside its tensors.
 *
 * @param labels names of classes, by index, for whatever output is asked for classes; may be empty
 * @param batchMax the largest batch when the first dimension of every tensor is the batch; 0 when
 *     shapes say everything
 */
public record ModelTraits(List<String> labels, int batchMax) {
  /** The largest batch of a model that says nothing about it. */
  public static final int BATCH_MAX = 65_536;

  /**
   * Checks the batch.
   *
   * @throws IllegalArgumentException if it is not 0 to {@link #BATCH_MAX}
   */
  public ModelTraits {
    labels = List.copyOf(labels);
    if (batchMax < 0 || batchMax > BATCH_MAX) {
      throw new IllegalArgumentException(
          "max_batch_size is %d, expected 0 to %d".formatted(batchMax, BATCH_MAX));
    }
  }

  /** A model without labels that takes batches where every first dimension is open. */
  public static ModelTraits of(ModelSignature signature) {
    return new ModelTraits(List.of(), takesBatches(signature) ? BATCH_MAX : 0);
  }

  /** The same with labels. */
  public ModelTraits withLabels(List<String> names) {
    return new ModelTraits(names, batchMax);
  }

  /** Whether the first dimension of every tensor is open, and no input is a mere sequence. */
  public static boolean takesBatches(ModelSignature signature) {
    return !signature.inputs().isEmpty()
        && signature.inputs().stream().allMatch(spec -> spec.shape().size() > 1)
        && Stream.concat(signature.inputs().stream(), signature.outputs().stream())
            .map(TensorSpec::shape)
            .allMatch(shape -> !shape.isEmpty() && shape.getFirst() < 0);
  }
}
