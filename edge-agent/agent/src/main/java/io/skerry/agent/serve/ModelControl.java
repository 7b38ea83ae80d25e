package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.protocol.ModelName;

/** Loads and unloads models by name. */
public interface ModelControl {
  /**
   * Loads what the repository holds of this model now, beside what serves, and then switches.
   *
   * @throws PredictException if it cannot be loaded; then what served before still serves
   */
  void load(ModelName model, ConfigOverride override) throws PredictException;

  /**
   * Stops to serve the model; open predictions finish.
   *
   * @throws PredictException if the repository does not know it
   */
  void unload(ModelName model) throws PredictException;
}
