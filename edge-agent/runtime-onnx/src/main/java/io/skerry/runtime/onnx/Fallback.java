package io.skerry.runtime.onnx;

import ai.onnxruntime.OrtException;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Loads a model with ever less of what is wanted: first without what was compiled before, which may
 * be cut off, then without one execution provider after the other.
 */
final class Fallback {
  /** One try to load. */
  interface Try {
    /**
     * Loads with these options.
     *
     * @param faults why providers are left out is added to it
     */
    LoadedModel load(LoadOptions options, Set<String> faults) throws OrtException, EngineException;
  }

  /** Deletes what these providers compiled. */
  interface Forget {
    void compiled(List<String> providers);
  }

  private static final String CPU = "cpu";

  private final Path model;
  private final Try loading;
  private final Forget forget;

  Fallback(Path model, Try loading, Forget forget) {
    this.model = model;
    this.loading = loading;
    this.forget = forget;
  }

  LoadedModel load(LoadOptions options) throws EngineException {
    Set<String> faults = new LinkedHashSet<>();
    LoadOptions now = options;
    while (true) {
      try {
        LoadedModel loaded = loading.load(now, faults);
        if (!now.cache().equals(options.cache())) {
          // It loads without, so what was kept is at fault. The next load compiles it anew.
          forget.compiled(now.providers());
        }
        return loaded;
      } catch (OrtException e) {
        // Which of several providers it was is not told: the most preferred one is given up.
        Optional<String> preferred =
            now.providers().stream().filter(name -> !name.equals(CPU)).findFirst();
        if (preferred.isEmpty()) {
          throw failure(e, faults);
        }
        if (now.cache().isPresent()) {
          now = now.withoutCache();
        } else {
          faults.add("%s: %s".formatted(preferred.get(), OrtErrors.oneLine(e)));
          List<String> fewer = new ArrayList<>(now.providers());
          fewer.remove(preferred.get());
          now = options.withProviders(fewer);
        }
      }
    }
  }

  private EngineException failure(OrtException last, Set<String> faults) {
    String message =
        "ONNX Runtime cannot load %s: %s".formatted(model.getFileName(), OrtErrors.oneLine(last));
    return new EngineException(
        OrtErrors.orOutOfMemory(last, Reason.MODEL_INVALID),
        faults.isEmpty() ? message : message + "; before, " + String.join("; ", faults),
        last);
  }
}
