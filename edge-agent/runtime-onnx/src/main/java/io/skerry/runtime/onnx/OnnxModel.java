package io.skerry.runtime.onnx;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtException.OrtErrorCode;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.RunOptions;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * One ONNX Runtime session. Inputs are read where they lie; outputs are written where they are
 * wanted when their shapes are known before, and copied once otherwise.
 */
final class OnnxModel implements LoadedModel {
  private final OrtEnvironment environment;
  private final OrtSession session;
  private final boolean arena;
  private final ModelSignature signature;
  private final List<String> providers;
  private final List<String> faults;
  private final Set<String> outputNames;
  private final OutputShapes shapes;
  // Options of runs that were not stopped: made anew for every run they would cost more than they
  // do.
  private final ConcurrentLinkedDeque<RunOptions> options = new ConcurrentLinkedDeque<>();

  /**
   * @param arena whether the session keeps the memory of its runs
   */
  OnnxModel(
      OrtEnvironment environment,
      OrtSession session,
      boolean arena,
      ModelSignature signature,
      List<String> providers,
      List<String> faults) {
    this.environment = environment;
    this.session = session;
    this.arena = arena;
    this.signature = signature;
    this.providers = List.copyOf(providers);
    this.faults = faults;
    this.outputNames = new LinkedHashSet<>();
    signature.outputs().forEach(spec -> outputNames.add(spec.name()));
    this.shapes = new OutputShapes(signature);
  }

  @Override
  public String engine() {
    return OnnxEngine.NAME;
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
    Map<String, OnnxTensor> given = new LinkedHashMap<>();
    try {
      for (Tensor input : inputs) {
        given.put(input.name(), onnxTensor(input));
      }
      Optional<List<List<Long>>> known = scope.lasts() ? Optional.empty() : shapes.of(inputs);
      if (known.isPresent()) {
        Optional<List<Tensor>> outputs = pinned(given, known.get(), scope);
        if (outputs.isPresent()) {
          return outputs.get();
        }
      }
      List<Tensor> outputs = made(given, scope);
      shapes.learn(inputs, outputs);
      return outputs;
    } catch (OrtException e) {
      throw failure(e);
    } finally {
      given.values().forEach(OnnxTensor::close);
    }
  }

  /** Lets the engine write into the scope's memory; empty when the outputs have other shapes. */
  private Optional<List<Tensor>> pinned(
      Map<String, OnnxTensor> given, List<List<Long>> outputShapes, RunScope scope)
      throws OrtException, EngineException {
    Map<String, OnnxTensor> targets = new LinkedHashMap<>();
    List<Tensor> outputs = new ArrayList<>(outputShapes.size());
    try {
      for (int i = 0; i < outputShapes.size(); i++) {
        TensorSpec spec = signature.outputs().get(i);
        long bytes = Tensor.elements(outputShapes.get(i)) * spec.type().bytes();
        Tensor output =
            new Tensor(
                spec.name(), spec.type(), outputShapes.get(i), scope.take(Math.toIntExact(bytes)));
        outputs.add(output);
        targets.put(spec.name(), onnxTensor(output));
      }
      // The result owns nothing: what was made for the outputs is closed below.
      run(given, Set.of(), targets, scope).close();
      return Optional.of(outputs);
    } catch (OrtException e) {
      if (scope.isStopped() || !OrtErrors.isOtherShape(e)) {
        throw e;
      }
      shapes.distrust();
      return Optional.empty();
    } finally {
      targets.values().forEach(OnnxTensor::close);
    }
  }

  private List<Tensor> made(Map<String, OnnxTensor> given, RunScope scope)
      throws OrtException, EngineException {
    try (OrtSession.Result result = run(given, outputNames, Map.of(), scope)) {
      return outputs(result);
    }
  }

  private OrtSession.Result run(
      Map<String, OnnxTensor> given,
      Set<String> wanted,
      Map<String, OnnxTensor> targets,
      RunScope scope)
      throws OrtException, EngineException {
    boolean givesBack = arena && scope.givesBack();
    RunOptions known = givesBack ? null : options.poll();
    RunOptions run = known == null ? new RunOptions() : known;
    boolean entered = false;
    try {
      if (givesBack) {
        run.addRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
      }
      scope.enter(() -> terminate(run));
      entered = true;
      return session.run(given, wanted, targets, run);
    } catch (OrtException e) {
      if (scope.isStopped()) {
        throw new EngineException(Reason.STOPPED, "stopped while it ran", e);
      }
      throw e;
    } finally {
      if (entered) {
        scope.leave();
      }
      // What was told to terminate or to give back stays told.
      if (scope.isStopped() || givesBack) {
        run.close();
      } else {
        options.push(run);
      }
    }
  }

  private static void terminate(RunOptions run) {
    try {
      run.setTerminate(true);
    } catch (OrtException e) {
      throw new IllegalStateException("run cannot be stopped: " + OrtErrors.oneLine(e), e);
    }
  }

  private static EngineException failure(OrtException e) {
    Reason reason =
        e.getCode() == OrtErrorCode.ORT_INVALID_ARGUMENT
            ? Reason.INPUT_INVALID
            : OrtErrors.orOutOfMemory(e, Reason.RUN_FAILED);
    return new EngineException(reason, OrtErrors.oneLine(e), e);
  }

  @Override
  public void close() {
    for (RunOptions next = options.poll(); next != null; next = options.poll()) {
      next.close();
    }
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("session did not close: " + OrtErrors.oneLine(e), e);
    }
  }

  private List<Tensor> outputs(OrtSession.Result result) throws OrtException, EngineException {
    List<Tensor> outputs = new ArrayList<>(signature.outputs().size());
    for (int i = 0; i < signature.outputs().size(); i++) {
      TensorSpec spec = signature.outputs().get(i);
      if (!(result.get(i) instanceof OnnxTensor made)) {
        throw new EngineException(
            Reason.RUN_FAILED, "output '%s' is no tensor".formatted(spec.name()));
      }
      List<Long> shape = Arrays.stream(made.getInfo().getShape()).boxed().toList();
      ByteBuffer data =
          spec.type() == ElementType.BYTES ? OnnxStrings.data(made) : made.getByteBuffer();
      outputs.add(new Tensor(spec.name(), spec.type(), shape, data));
    }
    return outputs;
  }

  private OnnxTensor onnxTensor(Tensor tensor) throws OrtException, EngineException {
    long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
    ByteBuffer data = tensor.data().slice().order(ByteOrder.LITTLE_ENDIAN);
    return switch (tensor.type()) {
      case FP32 -> OnnxTensor.createTensor(environment, data.asFloatBuffer(), shape);
      case FP64 -> OnnxTensor.createTensor(environment, data.asDoubleBuffer(), shape);
      case INT64 -> OnnxTensor.createTensor(environment, data.asLongBuffer(), shape);
      case INT32 -> OnnxTensor.createTensor(environment, data.asIntBuffer(), shape);
      case INT16 -> OnnxTensor.createTensor(environment, data.asShortBuffer(), shape);
      case FP16 ->
          OnnxTensor.createTensor(environment, data.asShortBuffer(), shape, OnnxJavaType.FLOAT16);
      case BF16 ->
          OnnxTensor.createTensor(environment, data.asShortBuffer(), shape, OnnxJavaType.BFLOAT16);
      case INT8 -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.INT8);
      case UINT8 -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.UINT8);
      case BOOL -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.BOOL);
      case BYTES -> OnnxStrings.tensor(environment, tensor, shape);
      case UINT16, UINT32, UINT64 ->
          throw new IllegalStateException(
              tensor.type() + " inputs are refused when a model is loaded");
    };
  }
}
