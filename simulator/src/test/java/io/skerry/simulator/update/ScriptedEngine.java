package io.skerry.simulator.update;

import io.skerry.agent.disk.Disk;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;

/**
 * Reads models that are one line of text on the simulated disk, {@code scale N} or {@code scale N
 * bad}; a bad one passes its acceptance test and fails whoever uses it.
 */
final class ScriptedEngine implements InferenceEngine {
  static final ModelSignature SIGNATURE =
      new ModelSignature(
          List.of(new TensorSpec("input", ElementType.FP32, List.of(1L))),
          List.of(new TensorSpec("output", ElementType.FP32, List.of(1L))));

  private final Disk disk;
  boolean inUse;
  long resident;
  // By how much the process grows with the next loads; afterwards with none.
  final Queue<Long> growth = new ArrayDeque<>();
  int open;

  ScriptedEngine(Disk disk) {
    this.disk = disk;
  }

  @Override
  public String name() {
    return "onnxruntime";
  }

  @Override
  public String fileExtension() {
    return ".onnx";
  }

  @Override
  public EngineStatus probe() {
    return new EngineStatus.Available("1", List.of("cpu"));
  }

  @Override
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    try {
      String text = new String(disk.read(model), StandardCharsets.UTF_8);
      String[] words = text.lines().findFirst().orElse("").split(" ", -1);
      Scale scale = new Scale(Integer.parseInt(words[1]), words.length > 2);
      resident += Optional.ofNullable(growth.poll()).orElse(0L);
      open++;
      return scale;
    } catch (IOException | NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw new EngineException(EngineException.Reason.MODEL_INVALID, e.toString(), e);
    }
  }

  private final class Scale implements LoadedModel {
    private final int factor;
    private final boolean bad;

    Scale(int factor, boolean bad) {
      this.factor = factor;
      this.bad = bad;
    }

    @Override
    public String engine() {
      return name();
    }

    @Override
    public ModelSignature signature() {
      return SIGNATURE;
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) throws EngineException {
      if (bad && inUse) {
        throw new EngineException(EngineException.Reason.RUN_FAILED, "bad model");
      }
      return List.of(
          Tensor.ofFloats("output", List.of(1L), factor * inputs.getFirst().floats()[0]));
    }

    @Override
    public void close() {
      open--;
    }
  }
}
