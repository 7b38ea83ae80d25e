package io.skerry.runtime;

import java.util.List;

/**
 * What the nodes of a model's graph took.
 *
 * @param runs how many runs were really made
 * @param operators one entry per node that ran
 */
public record OperatorProfile(int runs, List<OperatorTime> operators) {
  /** Copies the list. */
  public OperatorProfile {
    operators = List.copyOf(operators);
  }
}
