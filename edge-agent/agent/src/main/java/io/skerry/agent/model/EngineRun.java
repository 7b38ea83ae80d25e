package io.skerry.agent.model;

import io.skerry.runtime.Tensor;
import java.util.List;

/**
 * One call's run, perhaps together with other calls.
 *
 * @param outputs the call's own
 * @param waitedNanos how long it waited for the run to begin
 * @param items of all calls of the run; 0 when it was this call's alone
 * @param counts whether the run counts with this call: with one of those that were run together
 */
record EngineRun(List<Tensor> outputs, long waitedNanos, long items, boolean counts) {
  /** A run of this call alone, which began at once. */
  static EngineRun alone(List<Tensor> outputs) {
    return new EngineRun(outputs, 0, 0, true);
  }
}
