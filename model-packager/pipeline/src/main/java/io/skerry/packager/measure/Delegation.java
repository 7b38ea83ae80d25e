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
  /** Hundreds more would tell nobody more. */
  static final int LISTED_MAX = 100;

  private Delegation() {}

  /**
   * Operators that TFLite's own kernels run, because XNNPACK does not know them: each the name of
   * what it makes, and its kind. No more than {@link #LISTED_MAX} are told.
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
        int steps = Math.toIntExact(interpreter.execution_plan().limit());
        for (int i = 0; i < steps && rest.size() < LISTED_MAX; i++) {
          int node = interpreter.execution_plan().get(i);
          // A node that a delegate added stands for those that it took.
          TfLiteDelegate delegate = interpreter.node_and_registration(node).first().delegate();
          if (delegate == null || delegate.isNull()) {
            int made = interpreter.node_and_registration(node).first().outputs().data(0);
            int kind = interpreter.node_and_registration(node).second().builtin_code();
            rest.add(
                "%s (%s)"
                    .formatted(
                        interpreter.tensor(made).name().getString(), BuiltinOperator.name(kind)));
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
