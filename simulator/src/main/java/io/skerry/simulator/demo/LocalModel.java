package io.skerry.simulator.demo;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import io.skerry.simulator.machine.MachineData;
import java.nio.file.Path;
import java.util.List;

/** A model run in this process, so that trying it leaves no trace on any device. */
final class LocalModel implements SensorShift.Scorer, AutoCloseable {
  private final LoadedModel model;
  private final long sensors;

  private LocalModel(LoadedModel model, long sensors) {
    this.model = model;
    this.sensors = sensors;
  }

  static LocalModel load(Path onnx, int sensors) {
    try {
      return new LocalModel(EngineCatalog.discovered().load(onnx, LoadOptions.DEFAULTS), sensors);
    } catch (EngineException e) {
      throw new DemoException("the registered model cannot be loaded: " + e.getMessage(), e);
    }
  }

  @Override
  public double score(float[] window) {
    try {
      return model
          .run(
              List.of(
                  Tensor.ofFloats(
                      "input", List.of(1L, sensors, (long) MachineData.WINDOW), window)))
          .getFirst()
          .floats()[0];
    } catch (EngineException e) {
      throw new DemoException("the registered model cannot be run: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
