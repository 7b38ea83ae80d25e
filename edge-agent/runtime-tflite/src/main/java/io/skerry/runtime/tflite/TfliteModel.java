package io.skerry.runtime.tflite;

import io.skerry.artifact.ModelSignature;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.bytedeco.tensorflowlite.BuiltinOpResolver;
import org.bytedeco.tensorflowlite.FlatBufferModel;

/**
 * One model and a pool of as many interpreters on it as there are cores: an interpreter is not
 * thread-safe, the model's weights are shared. Interpreters are made when runs first overlap.
 */
final class TfliteModel implements LoadedModel {
  private final String file;
  private final LoadOptions options;
  private final Optional<Path> library;
  private final FlatBufferModel model;
  private final BuiltinOpResolver resolver;
  private final ModelSignature signature;
  private final List<String> providers;
  private final List<String> faults;
  private final Places places;
  private final ConcurrentLinkedDeque<TfliteInterpreter> idle = new ConcurrentLinkedDeque<>();

  private TfliteModel(
      String file,
      LoadOptions options,
      Optional<Path> library,
      FlatBufferModel model,
      BuiltinOpResolver resolver,
      TfliteInterpreter first,
      List<String> faults) {
    this.file = file;
    this.options = options;
    this.library = library;
    this.model = model;
    this.resolver = resolver;
    this.signature = first.signature();
    this.faults = faults;
    this.providers = providers(library.isPresent(), first.delegated());
    this.places = new Places(Runtime.getRuntime().availableProcessors());
    idle.push(first);
  }

  private static List<String> providers(boolean accelerator, boolean delegated) {
    List<String> providers = new ArrayList<>();
    if (accelerator) {
      providers.add(LoadOptions.TFLITE_DELEGATE);
    } else if (delegated) {
      providers.add("xnnpack");
    }
    providers.add("cpu");
    return List.copyOf(providers);
  }

  static TfliteModel open(Path path, LoadOptions options) throws EngineException {
    Optional<Path> library =
        Optional.ofNullable(options.libraries().get(LoadOptions.TFLITE_DELEGATE));
    if (library.isEmpty()) {
      if (options.acceleratorOnly()) {
        throw new EngineException(
            Reason.ENGINE_UNAVAILABLE,
            "%s is to run on an accelerator only, and no library of a delegate is configured"
                .formatted(path.getFileName()));
      }
      return open(path, options, library, List.of());
    }
    try {
      return open(path, options, library, List.of());
    } catch (EngineException e) {
      if (e.reason() != Reason.ENGINE_UNAVAILABLE || options.acceleratorOnly()) {
        throw e;
      }
      // Without the accelerator it is slower, but it answers; providers and faults tell.
      return open(
          path,
          options,
          Optional.empty(),
          List.of(LoadOptions.TFLITE_DELEGATE + ": " + e.getMessage()));
    }
  }

  private static TfliteModel open(
      Path path, LoadOptions options, Optional<Path> library, List<String> faults)
      throws EngineException {
    String file = String.valueOf(path.getFileName());
    FileCheck.check(path);
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
              options,
              library,
              model,
              resolver,
              interpreter(file, model, resolver, options, library, Optional.empty()),
              faults);
      opened = true;
      return loaded;
    } finally {
      if (!opened) {
        resolver.close();
        model.close();
      }
    }
  }

  /**
   * What operators take, in an interpreter of their own.
   *
   * @param runs the most; fewer where they take longer than this
   */
  static OperatorProfile profile(
      Path path, LoadOptions options, List<Tensor> inputs, int runs, Duration longest)
      throws EngineException {
    String file = String.valueOf(path.getFileName());
    FileCheck.check(path);
    FlatBufferModel model = FlatBufferModel.VerifyAndBuildFromFile(path.toString());
    if (model == null || model.isNull()) {
      throw new EngineException(Reason.MODEL_INVALID, file + " is no TFLite model");
    }
    Optional<Path> library =
        Optional.ofNullable(options.libraries().get(LoadOptions.TFLITE_DELEGATE));
    // Closed from the last to the first: each is used by what was made after it.
    try (model;
        BuiltinOpResolver resolver = new BuiltinOpResolver();
        OperatorClock clock = new OperatorClock();
        TfliteInterpreter interpreter =
            interpreter(file, model, resolver, options, library, Optional.of(clock));
        RunScope scope = RunScope.lasting()) {
      InputCheck.requireFit(interpreter.signature(), inputs);
      // The first run makes what the others only use.
      interpreter.run(inputs, scope);
      clock.forget();
      long end = System.nanoTime() + longest.toNanos();
      int made = 0;
      do {
        clock.begin();
        interpreter.run(inputs, scope);
        made++;
      } while (made < runs && System.nanoTime() < end);
      return new OperatorProfile(made, clock.times());
    }
  }

  private static TfliteInterpreter interpreter(
      String file,
      FlatBufferModel model,
      BuiltinOpResolver resolver,
      LoadOptions options,
      Optional<Path> library,
      Optional<OperatorClock> clock)
      throws EngineException {
    Optional<ExternalDelegate> delegate = Optional.empty();
    if (library.isPresent()) {
      delegate = Optional.of(ExternalDelegate.open(library.get()));
    }
    boolean opened = false;
    try {
      TfliteInterpreter made =
          TfliteInterpreter.open(file, model, resolver, options, delegate, clock);
      opened = true;
      return made;
    } finally {
      if (!opened) {
        delegate.ifPresent(ExternalDelegate::close);
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
  public List<String> faults() {
    return faults;
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
    places.take(scope);
    try {
      TfliteInterpreter interpreter = idle.poll();
      if (interpreter == null) {
        interpreter = interpreter(file, model, resolver, options, library, Optional.empty());
      }
      boolean sound = false;
      try {
        List<Tensor> outputs = interpreter.run(inputs, scope);
        // Its arena is as large as its largest run wanted it.
        sound = !scope.givesBack();
        return outputs;
      } catch (EngineException e) {
        // One that was stopped begins its next run from the start.
        sound = e.reason() == Reason.STOPPED && !scope.givesBack();
        throw e;
      } finally {
        if (sound) {
          idle.push(interpreter);
        } else {
          interpreter.close();
        }
      }
    } finally {
      places.give();
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
