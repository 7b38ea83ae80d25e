package io.skerry.bench.agent;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * ONNX Runtime as fast as its Java binding goes: one thread, tensors made once, the output pinned.
 * Floats, shape [1, width].
 */
final class RawEngine implements AutoCloseable {
  private final OrtSession session;
  private final OnnxTensor input;
  private final OnnxTensor output;
  private final Map<String, OnnxTensor> inputs;
  private final Map<String, OnnxTensor> outputs;

  RawEngine(Path model, int width) throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      session = environment.createSession(model.toString(), options);
    }
    long[] shape = {1, width};
    input = OnnxTensor.createTensor(environment, floats(width), shape);
    output = OnnxTensor.createTensor(environment, floats(width), shape);
    inputs = Map.of("x", input);
    outputs = Map.of("y", output);
  }

  private static FloatBuffer floats(int width) {
    return ByteBuffer.allocateDirect(width * Float.BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer();
  }

  void run() throws OrtException {
    session.run(inputs, outputs).close();
  }

  @Override
  public void close() throws OrtException {
    input.close();
    output.close();
    session.close();
  }
}
