package io.skerry.training;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.skerry.artifact.job.JobFailure;
import io.skerry.protocol.ErrorCode;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A model file under ONNX Runtime, which scores raw windows as a device would. */
final class OnnxModel implements AutoCloseable {
  private static final int BATCH = 1024;

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final String input;
  private final String name;

  /**
   * Loads a model with one input [N, features, window] and one output: a score per example, or a
   * probability of each class if there are more than two.
   *
   * @throws JobFailure if it is none, or has another shape than the examples
   */
  OnnxModel(Path file, Examples examples) {
    this.name = String.valueOf(file.getFileName());
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      session = environment.createSession(file.toString(), options);
      input = session.getInputNames().iterator().next();
      NodeInfo node = session.getInputInfo().values().iterator().next();
      long[] shape = ((TensorInfo) node.getInfo()).getShape();
      if (shape.length != 3 || shape[1] != examples.features() || shape[2] != examples.window()) {
        session.close();
        throw failure(
            "takes %s where the examples are [N, %d, %d]"
                .formatted(Arrays.toString(shape), examples.features(), examples.window()),
            null);
      }
    } catch (OrtException e) {
      throw failure("cannot be loaded: " + e.getMessage(), e);
    }
  }

  private JobFailure failure(String fault, @Nullable OrtException e) {
    String detail = "%s %s".formatted(name, fault);
    return e == null
        ? new JobFailure(ErrorCode.MODEL_LOAD_FAILED, detail)
        : new JobFailure(ErrorCode.MODEL_LOAD_FAILED, detail, e);
  }

  /** Scores these examples. */
  Predictions scores(Examples examples, int[] rows) {
    int width = examples.classes() == 2 ? 1 : examples.classes();
    float[] scores = new float[rows.length * width];
    try {
      for (int from = 0; from < rows.length; from += BATCH) {
        int to = Math.min(from + BATCH, rows.length);
        float[] values = examples.values(rows, from, to);
        long[] shape = {to - from, examples.features(), examples.window()};
        try (OnnxTensorLike tensor =
                OnnxTensor.createTensor(environment, FloatBuffer.wrap(values), shape);
            OrtSession.Result result = session.run(Map.of(input, tensor))) {
          FloatBuffer output = ((OnnxTensor) result.get(0)).getFloatBuffer();
          if (output.remaining() != (to - from) * width) {
            throw failure("gives other than %d figures per example".formatted(width), null);
          }
          output.get(scores, from * width, (to - from) * width);
        }
      }
    } catch (OrtException e) {
      throw failure("cannot be run: " + e.getMessage(), e);
    }
    return new Predictions(scores, width, examples.labels(rows));
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw failure("cannot be closed: " + e.getMessage(), e);
    }
  }
}
