package io.skerry.runtime.tflite;

import io.skerry.artifact.ModelSignature;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import org.bytedeco.tensorflowlite.BuiltinOpResolver;
import org.bytedeco.tensorflowlite.FlatBufferModel;

/**
 * One model and a small pool of interpreters on it: an interpreter is not thread-safe, the model's
 * weights are shared. Interpreters are made when runs first overlap.
 */
final class TfliteModel implements LoadedModel {
  private static final int INTERPRETERS_MAX = 4;

  private final String file;
  private final int threads;
  private final FlatBufferModel model;
  private final BuiltinOpResolver resolver;
  private final ModelSignature signature;
  private final List<String> providers;
  private final Semaphore free;
  private final ConcurrentLinkedDeque<TfliteInterpreter> idle = new ConcurrentLinkedDeque<>();

  private TfliteModel(
      String file,
      int threads,
      FlatBufferModel model,
      BuiltinOpResolver resolver,
      TfliteInterpreter first) {
    this.file = file;
    this.threads = threads;
    this.model = model;
    this.resolver = resolver;
    this.signature = first.signature();
    this.providers = first.delegated() ? List.of("xnnpack", "cpu") : List.of("cpu");
    this.free =
        new Semaphore(Math.min(INTERPRETERS_MAX, Runtime.getRuntime().availableProcessors()));
    idle.push(first);
  }

  static TfliteModel open(Path path, int threads) throws EngineException {
    String file = String.valueOf(path.getFileName());
    // Verified, because the interpreter itself trusts every offset in the file.
    FlatBufferModel model = FlatBufferModel.VerifyAndBuildFromFile(path.toString());
    if (model == null || model.isNull()) {
      throw new EngineException(Reason.MODEL_INVALID, file + " is no TFLite model");
    }
    BuiltinOpResolver resolver = new BuiltinOpResolver();
    boolean opened = false;
    try {
      TfliteModel loaded =
          new TfliteModel(
              file,
              threads,
              model,
              resolver,
              TfliteInterpreter.open(file, model, resolver, threads));
      opened = true;
      return loaded;
    } finally {
      if (!opened) {
        resolver.close();
        model.close();
      }
    }
  }

  @Override
  public String engine() {
    return TfliteEngine.NAME;
  }

  @Override
  public ModelSignature signature() {
    return signature;
  }

  @Override
  public List<String> providers() {
    return providers;
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs) throws EngineException {
    try (RunScope scope = RunScope.lasting()) {
      return run(inputs, scope);
    }
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    InputCheck.requireFit(signature, inputs);
    free.acquireUninterruptibly();
    try {
      TfliteInterpreter interpreter = idle.poll();
      if (interpreter == null) {
        interpreter = TfliteInterpreter.open(file, model, resolver, threads);
      }
      boolean sound = false;
      try {
        List<Tensor> outputs = interpreter.run(inputs, scope);
        sound = true;
        return outputs;
      } catch (EngineException e) {
        // One that was stopped begins its next run from the start.
        sound = e.reason() == Reason.STOPPED;
        throw e;
      } finally {
        if (sound) {
          idle.push(interpreter);
        } else {
          interpreter.close();
        }
      }
    } finally {
      free.release();
    }
  }

  @Override
  public void close() {
    for (TfliteInterpreter next = idle.poll(); next != null; next = idle.poll()) {
      next.close();
    }
    resolver.close();
    model.close();
  }
}
