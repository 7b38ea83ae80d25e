package io.skerry.agent.model;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What one version did since it was loaded. A bad request counts nowhere.
 *
 * @param lastMillis when the last answered prediction started, in milliseconds since 1970; 0 when
 *     there was none
 * @param inferences items of the answered predictions' batches
 * @param executions runs of the engine that were answered: one for all calls that it was made for
 * @param success answered predictions, from the whole request in to the encoded answer
 * @param fail failed predictions: of the engine, refused by a full queue or a timeout, or for want
 *     of memory, cancelled
 * @param queue of the answered ones: from the whole request in to the start of its work, and what
 *     it waited for the run that it was made in together with others
 * @param input of the answered ones: reading and checking tensors
 * @param infer of the answered ones: the engine's run, in full for each call that it was made for
 * @param output of the answered ones: encoding the answer
 * @param rejected of the failed ones: those that the queue refused, or that found no memory
 * @param cancelled of the failed ones: those whose client had gone
 * @param batches runs by their batches' sizes, at most {@value #BATCH_SIZES_MAX} sizes: those that
 *     came first
 */
public record ModelStatistics(
    long lastMillis,
    long inferences,
    long executions,
    Sum success,
    Sum fail,
    Sum queue,
    Sum input,
    Sum infer,
    Sum output,
    long rejected,
    long cancelled,
    SortedMap<Integer, Batch> batches) {
  /** The most batch sizes that are told apart. */
  public static final int BATCH_SIZES_MAX = 128;

  /**
   * How often and how long.
   *
   * @param nanos in total
   */
  public record Sum(long count, long nanos) {
    Sum plus(Sum other) {
      return new Sum(count + other.count, nanos + other.nanos);
    }
  }

  /** The runs with batches of one size. */
  public record Batch(Sum input, Sum infer, Sum output) {
    Batch plus(Batch other) {
      return new Batch(input.plus(other.input), infer.plus(other.infer), output.plus(other.output));
    }
  }

  public ModelStatistics {
    batches = Collections.unmodifiableSortedMap(new TreeMap<>(batches));
  }

  /** Both together: one version may serve in two slots. */
  public ModelStatistics plus(ModelStatistics other) {
    TreeMap<Integer, Batch> sum = new TreeMap<>(batches);
    other.batches.forEach((size, batch) -> sum.merge(size, batch, Batch::plus));
    return new ModelStatistics(
        Math.max(lastMillis, other.lastMillis),
        inferences + other.inferences,
        executions + other.executions,
        success.plus(other.success),
        fail.plus(other.fail),
        queue.plus(other.queue),
        input.plus(other.input),
        infer.plus(other.infer),
        output.plus(other.output),
        rejected + other.rejected,
        cancelled + other.cancelled,
        sum);
  }
}
