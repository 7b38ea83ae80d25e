package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.util.List;

/** A loaded model that is run in another way; everything else is told as the model tells it. */
abstract class WrappedModel implements LoadedModel {
  /** What is wrapped; closed with this. */
  final LoadedModel model;

  WrappedModel(LoadedModel model) {
    this.model = model;
  }

  @Override
  public final String engine() {
    return model.engine();
  }

  @Override
  public final ModelSignature signature() {
    return model.signature();
  }

  @Override
  public final List<String> providers() {
    return model.providers();
  }

  @Override
  public final List<String> faults() {
    return model.faults();
  }

  @Override
  public final List<Tensor> run(List<Tensor> inputs) throws EngineException {
    try (RunScope scope = RunScope.lasting()) {
      return run(inputs, scope);
    }
  }

  @Override
  public abstract List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException;

  @Override
  public void close() {
    model.close();
  }
}
