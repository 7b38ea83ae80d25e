package io.skerry.packager.measure;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import io.skerry.runtime.EngineException;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Which operators ONNX Runtime's optimiser leaves in float although integers come and go. */
public final class FusionCheck {
  // They become integer operators whatever reads their output.
  private static final Set<String> FUSABLE =
      Set.of("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul", "Add", "Mul");
  private static final int LISTED_MAX = 100;

  private FusionCheck() {}

  /**
   * Names of float operators in the optimised graph of which every computed operand was
   * dequantized, and whose output is quantized again or which have an integer form in any case.
   *
   * @throws EngineException if ONNX Runtime does not load the model
   */
  public static List<String> unfused(byte[] model) throws IOException, EngineException {
    Path optimised = Files.createTempFile("skerry-optimised-", ".onnx");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.EXTENDED_OPT);
      options.setIntraOpNumThreads(1);
      options.setOptimizedModelFilePath(optimised.toString());
      OrtEnvironment environment =
          OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
      environment.createSession(model, options).close();
      return unfused(ModelProto.parseFrom(Files.readAllBytes(optimised)));
    } catch (OrtException e) {
      throw new EngineException(
          EngineException.Reason.MODEL_INVALID,
          "ONNX Runtime cannot optimise the model: " + e.getMessage(),
          e);
    } finally {
      Files.deleteIfExists(optimised);
    }
  }

  static List<String> unfused(ModelProto model) {
    Set<String> dequantized = new HashSet<>();
    Set<String> constants = new HashSet<>();
    model.getGraph().getInitializerList().forEach(tensor -> constants.add(tensor.getName()));
    Set<String> requantized = new HashSet<>();
    for (NodeProto node : model.getGraph().getNodeList()) {
      if (node.getOpType().equals("DequantizeLinear")) {
        dequantized.addAll(node.getOutputList());
      } else if (node.getOpType().equals("QuantizeLinear")) {
        requantized.add(node.getInput(0));
      }
    }
    List<String> unfused = new ArrayList<>();
    for (NodeProto node : model.getGraph().getNodeList()) {
      boolean readsIntegers =
          node.getInputList().stream().anyMatch(dequantized::contains)
              && node.getInputList().stream()
                  .allMatch(
                      input ->
                          input.isEmpty()
                              || dequantized.contains(input)
                              || constants.contains(input));
      boolean isBetween =
          FUSABLE.contains(node.getOpType())
              || (!node.getOpType().equals("QuantizeLinear")
                  && node.getOutputList().stream().anyMatch(requantized::contains));
      if (readsIntegers && isBetween && unfused.size() < LISTED_MAX) {
        unfused.add("%s (%s)".formatted(node.getName(), node.getOpType()));
      }
    }
    return unfused;
  }
}
