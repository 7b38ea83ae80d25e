package io.skerry.runtime;

import io.skerry.artifact.ModelSignature;
import java.util.List;

/**
 * A model that is ready to run. Runs may be concurrent; {@link #close} must not meet a run: whoever
 * hands out a model counts its leases.
 */
public interface LoadedModel extends AutoCloseable {
  /** The engine's name, for example {@code onnxruntime}. */
  String engine();

  /** Inputs and outputs. */
  ModelSignature signature();

  /** The execution providers that this model really uses, most preferred first. */
  List<String> providers();

  /** Why execution providers that were wanted are not used, a line each; empty when all are. */
  default List<String> faults() {
    return List.of();
  }

  /**
   * Runs the model once.
   *
   * @param inputs one tensor per input of the signature, in its order
   * @return one tensor per output of the signature, in its order; the caller owns them
   * @throws EngineException if a tensor does not fit the signature, or the run fails
   */
  List<Tensor> run(List<Tensor> inputs) throws EngineException;

  /**
   * Runs the model once, in a scope: its buffers are used where the engine can, and a run that is
   * stopped ends after the operator that is under way.
   *
   * @param inputs as for {@link #run(List)}, in direct memory
   * @return as {@link #run(List)}; the tensors may lie in the scope's memory
   * @throws EngineException as {@link #run(List)}, or with reason {@code STOPPED}; the model can be
   *     run again
   */
  default List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    if (scope.isStopped()) {
      throw new EngineException(EngineException.Reason.STOPPED, "stopped before it began");
    }
    return run(inputs);
  }

  @Override
  void close();
}
