package io.skerry.agent.boot;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.artifact.ModelSignature;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;

/** The real ONNX engine, whose runs fail while it is told to be broken. */
final class FragileEngine implements InferenceEngine {
  private final InferenceEngine real =
      ServiceLoader.load(InferenceEngine.class).stream()
          .map(ServiceLoader.Provider::get)
          .filter(engine -> engine.name().equals("onnxruntime"))
          .findFirst()
          .orElseThrow();
  volatile boolean broken;
  volatile boolean loadedOnVirtualThread;

  EngineCatalog catalog() {
    return new EngineCatalog(List.of(this));
  }

  @Override
  public String name() {
    return real.name();
  }

  @Override
  public String fileExtension() {
    return real.fileExtension();
  }

  @Override
  public EngineStatus probe() {
    return real.probe();
  }

  @Override
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    loadedOnVirtualThread |= Thread.currentThread().isVirtual();
    LoadedModel loaded = real.load(model, options);
    return new LoadedModel() {
      @Override
      public String engine() {
        return loaded.engine();
      }

      @Override
      public ModelSignature signature() {
        return loaded.signature();
      }

      @Override
      public List<String> providers() {
        return loaded.providers();
      }

      @Override
      public List<Tensor> run(List<Tensor> inputs) throws EngineException {
        if (broken) {
          throw new EngineException(EngineException.Reason.RUN_FAILED, "told to be broken");
        }
        return loaded.run(inputs);
      }

      @Override
      public void close() {
        loaded.close();
      }
    };
  }
}
