package io.skerry.runtime.tflite;

import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteBFloat16;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteBool;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteFloat16;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteFloat32;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteFloat64;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteInt16;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteInt32;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteInt64;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteInt8;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteOk;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteUInt16;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteUInt32;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteUInt64;
import static org.bytedeco.tensorflowlite.global.tensorflowlite.kTfLiteUInt8;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.BuiltinOpResolver;
import org.bytedeco.tensorflowlite.FlatBufferModel;
import org.bytedeco.tensorflowlite.Interpreter;
import org.bytedeco.tensorflowlite.InterpreterBuilder;
import org.bytedeco.tensorflowlite.TfLiteIntArray;
import org.bytedeco.tensorflowlite.TfLiteTensor;

/**
 * One interpreter; not thread-safe.
 *
 * <p>javacpp frees native objects whose Java reference is gone, so builder and interpreter are
 * fields; the model and the resolver are held by {@link TfliteModel}.
 */
final class TfliteInterpreter implements AutoCloseable {
  private final InterpreterBuilder builder;
  private final Interpreter interpreter;
  private final Optional<ExternalDelegate> delegate;
  private final ModelSignature signature;
  private final List<List<Long>> shapes;

  private TfliteInterpreter(
      InterpreterBuilder builder,
      Interpreter interpreter,
      Optional<ExternalDelegate> delegate,
      ModelSignature signature) {
    this.builder = builder;
    this.interpreter = interpreter;
    this.delegate = delegate;
    this.signature = signature;
    this.shapes = new ArrayList<>();
    for (int i = 0; i < signature.inputs().size(); i++) {
      shapes.add(dimensions(interpreter.input_tensor(i).dims()));
    }
  }

  static TfliteInterpreter open(
      String file,
      FlatBufferModel model,
      BuiltinOpResolver resolver,
      LoadOptions options,
      Optional<ExternalDelegate> delegate,
      Optional<OperatorClock> clock)
      throws EngineException {
    // This way round the resolver brings XNNPACK in; the C interface would not.
    InterpreterBuilder builder = new InterpreterBuilder(model, resolver);
    Interpreter interpreter = new Interpreter((Pointer) null);
    boolean opened = false;
    try {
      if (builder.SetNumThreads(options.threads()) != kTfLiteOk
          || builder.apply(interpreter) != kTfLiteOk
          || interpreter.isNull()) {
        throw new EngineException(
            Reason.MODEL_INVALID,
            "TFLite cannot build %s: an operator or its version is not known to this engine"
                .formatted(file));
      }
      // TFLite leaves out what is no tensor, and XNNPACK ends the process where nothing is left.
      if (interpreter.inputs() == null || interpreter.outputs() == null) {
        throw new EngineException(
            Reason.MODEL_INVALID,
            "TFLite cannot build %s: it has no input or no output".formatted(file));
      }
      clock.ifPresent(watching -> watching.watch(interpreter));
      interpreter.EnableCancellation();
      if (delegate.isPresent()) {
        delegate(interpreter, delegate.get(), file, options.acceleratorOnly());
      }
      if (interpreter.AllocateTensors() != kTfLiteOk) {
        throw new EngineException(
            Reason.MODEL_INVALID, "TFLite cannot prepare %s: its graph is broken".formatted(file));
      }
      TfliteInterpreter made =
          new TfliteInterpreter(builder, interpreter, delegate, signature(interpreter));
      opened = true;
      return made;
    } finally {
      if (!opened) {
        interpreter.close();
        builder.close();
      }
    }
  }

  private static void delegate(
      Interpreter interpreter, ExternalDelegate delegate, String file, boolean acceleratorOnly)
      throws EngineException {
    long operators = interpreter.nodes_size();
    if (interpreter.ModifyGraphWithDelegate(delegate.delegate()) != kTfLiteOk) {
      throw new EngineException(
          Reason.ENGINE_UNAVAILABLE, "the delegate's library does not take %s".formatted(file));
    }
    // XNNPACK comes later: so far the plan has what is left and the nodes of this delegate.
    IntPointer plan = interpreter.execution_plan();
    long left = 0;
    for (long i = 0; i < plan.limit(); i++) {
      left += plan.get(i) < operators ? 1 : 0;
    }
    if (left == plan.limit() || (acceleratorOnly && left > 0)) {
      throw new EngineException(
          Reason.ENGINE_UNAVAILABLE,
          "the delegate's library leaves %d of %d operators of %s to the processor"
              .formatted(left, operators, file));
    }
  }

  ModelSignature signature() {
    return signature;
  }

  /** Whether XNNPACK took over at least a part of the graph. */
  boolean delegated() {
    // A delegate adds its own nodes and takes those that it replaced out of the plan.
    return interpreter.execution_plan().limit() < interpreter.nodes_size();
  }

  List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    resize(inputs);
    for (int i = 0; i < inputs.size(); i++) {
      bytes(interpreter.input_tensor(i)).put(inputs.get(i).data().duplicate());
    }
    invoke(scope);
    List<Tensor> outputs = new ArrayList<>(signature.outputs().size());
    for (int i = 0; i < signature.outputs().size(); i++) {
      TensorSpec spec = signature.outputs().get(i);
      TfLiteTensor made = interpreter.output_tensor(i);
      int bytes = Math.toIntExact(made.bytes());
      ByteBuffer copy = scope.lasts() ? ByteBuffer.allocate(bytes) : scope.take(bytes);
      copy.put(bytes(made)).flip();
      outputs.add(
          new Tensor(
              spec.name(),
              spec.type(),
              dimensions(made.dims()),
              copy.order(ByteOrder.LITTLE_ENDIAN)));
    }
    return outputs;
  }

  private void invoke(RunScope scope) throws EngineException {
    scope.enter(interpreter::Cancel);
    int status;
    try {
      status = interpreter.Invoke();
    } finally {
      scope.leave();
    }
    if (status != kTfLiteOk) {
      throw scope.isStopped()
          ? new EngineException(Reason.STOPPED, "stopped while it ran")
          : new EngineException(Reason.RUN_FAILED, "TFLite failed while running");
    }
  }

  @Override
  public void close() {
    interpreter.close();
    builder.close();
    delegate.ifPresent(ExternalDelegate::close);
  }

  private void resize(List<Tensor> inputs) throws EngineException {
    boolean resized = false;
    for (int i = 0; i < inputs.size(); i++) {
      List<Long> shape = inputs.get(i).shape();
      if (!shape.equals(shapes.get(i))) {
        int[] dims = shape.stream().mapToInt(Math::toIntExact).toArray();
        if (interpreter.ResizeInputTensor(interpreter.inputs().get(i), dims) != kTfLiteOk) {
          throw new EngineException(
              Reason.INPUT_INVALID,
              "input '%s' cannot have shape %s".formatted(inputs.get(i).name(), shape));
        }
        shapes.set(i, shape);
        resized = true;
      }
    }
    if (resized && interpreter.AllocateTensors() != kTfLiteOk) {
      throw new EngineException(
          Reason.INPUT_INVALID, "the graph does not take inputs of the shapes " + shapes);
    }
  }

  private static ByteBuffer bytes(TfLiteTensor tensor) {
    return new BytePointer(tensor.data().data()).capacity(tensor.bytes()).asByteBuffer();
  }

  private static ModelSignature signature(Interpreter interpreter) throws EngineException {
    List<TensorSpec> inputs = new ArrayList<>();
    for (int i = 0; i < interpreter.inputs().limit(); i++) {
      inputs.add(spec("input", interpreter.GetInputName(i), interpreter.input_tensor(i)));
    }
    List<TensorSpec> outputs = new ArrayList<>();
    for (int i = 0; i < interpreter.outputs().limit(); i++) {
      outputs.add(spec("output", interpreter.GetOutputName(i), interpreter.output_tensor(i)));
    }
    return new ModelSignature(inputs, outputs);
  }

  private static TensorSpec spec(String what, BytePointer name, TfLiteTensor tensor)
      throws EngineException {
    TfLiteIntArray signature = tensor.dims_signature();
    boolean dynamic = signature != null && !signature.isNull() && signature.size() > 0;
    String text = name.getString();
    return new TensorSpec(
        text, type(what, text, tensor.type()), dimensions(dynamic ? signature : tensor.dims()));
  }

  private static List<Long> dimensions(TfLiteIntArray dims) {
    List<Long> shape = new ArrayList<>(dims.size());
    for (int i = 0; i < dims.size(); i++) {
      shape.add((long) dims.data(i));
    }
    return List.copyOf(shape);
  }

  private static ElementType type(String what, String name, int type) throws EngineException {
    return switch (type) {
      case kTfLiteFloat32 -> ElementType.FP32;
      case kTfLiteFloat64 -> ElementType.FP64;
      case kTfLiteFloat16 -> ElementType.FP16;
      case kTfLiteBFloat16 -> ElementType.BF16;
      case kTfLiteInt8 -> ElementType.INT8;
      case kTfLiteUInt8 -> ElementType.UINT8;
      case kTfLiteUInt16 -> ElementType.UINT16;
      case kTfLiteInt16 -> ElementType.INT16;
      case kTfLiteUInt32 -> ElementType.UINT32;
      case kTfLiteInt32 -> ElementType.INT32;
      case kTfLiteUInt64 -> ElementType.UINT64;
      case kTfLiteInt64 -> ElementType.INT64;
      case kTfLiteBool -> ElementType.BOOL;
      default ->
          throw new EngineException(
              Reason.MODEL_INVALID,
              "%s '%s' has TFLite element type %d, which this engine does not carry"
                  .formatted(what, name, type));
    };
  }
}
