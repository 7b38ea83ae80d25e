package io.skerry.packager.measure;

import io.skerry.runtime.EngineException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.BuiltinOpResolver;
import org.bytedeco.tensorflowlite.FlatBufferModel;
import org.bytedeco.tensorflowlite.Interpreter;
import org.bytedeco.tensorflowlite.InterpreterBuilder;
import org.bytedeco.tensorflowlite.TfLiteDelegate;
import org.bytedeco.tensorflowlite.global.tensorflowlite;
import org.tensorflow.lite.schema.BuiltinOperator;

/** How much of a TFLite file XNNPACK takes over. */
public final class Delegation {
  private Delegation() {}

  /**
   * Kinds of the operators that TFLite's own kernels run, because XNNPACK does not know them.
   *
   * @throws EngineException if the file cannot be loaded
   */
  public static List<String> undelegated(Path file) throws EngineException {
    try (FlatBufferModel model = FlatBufferModel.VerifyAndBuildFromFile(file.toString())) {
      if (model == null || model.isNull()) {
        throw invalid(file);
      }
      try (BuiltinOpResolver resolver = new BuiltinOpResolver();
          InterpreterBuilder builder = new InterpreterBuilder(model, resolver);
          Interpreter interpreter = new Interpreter((Pointer) null)) {
        if (builder.apply(interpreter) != tensorflowlite.kTfLiteOk
            || interpreter.isNull()
            || interpreter.AllocateTensors() != tensorflowlite.kTfLiteOk) {
          throw invalid(file);
        }
        List<String> rest = new ArrayList<>();
        for (int i = 0; i < interpreter.execution_plan().limit(); i++) {
          int node = interpreter.execution_plan().get(i);
          // A node that a delegate added stands for those that it took.
          TfLiteDelegate delegate = interpreter.node_and_registration(node).first().delegate();
          if (delegate == null || delegate.isNull()) {
            rest.add(
                BuiltinOperator.name(
                    interpreter.node_and_registration(node).second().builtin_code()));
          }
        }
        return rest;
      }
    }
  }

  private static EngineException invalid(Path file) {
    return new EngineException(
        EngineException.Reason.MODEL_INVALID, "TFLite cannot load " + file.getFileName());
  }
}
