package io.skerry.runtime.onnx;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which shapes a model's outputs have, so that the engine can write them where they are wanted: as
 * the signature says, or as they were the last time that inputs had these shapes. Thread-safe.
 */
final class OutputShapes {
  /** Combinations of input shapes that are remembered. */
  static final int KNOWN_MAX = 64;

  private final boolean possible;
  private final Optional<List<List<Long>>> always;
  private final Map<List<List<Long>>, List<List<Long>>> known = new ConcurrentHashMap<>();
  private volatile boolean changing;

  OutputShapes(ModelSignature signature) {
    this.possible =
        signature.outputs().stream().noneMatch(spec -> spec.type() == ElementType.BYTES);
    List<List<Long>> shapes = signature.outputs().stream().map(TensorSpec::shape).toList();
    this.always =
        shapes.stream().allMatch(OutputShapes::isWhole) ? Optional.of(shapes) : Optional.empty();
  }

  private static boolean isWhole(List<Long> shape) {
    return shape.stream().allMatch(dimension -> dimension > 0);
  }

  /** The shapes for these inputs, when they are known. */
  Optional<List<List<Long>>> of(List<Tensor> inputs) {
    if (!possible || changing) {
      return Optional.empty();
    }
    return always.isPresent() ? always : Optional.ofNullable(known.get(shapes(inputs)));
  }

  /** Remembers what a run gave. */
  void learn(List<Tensor> inputs, List<Tensor> outputs) {
    if (possible && !changing && always.isEmpty()) {
      List<List<Long>> made = shapes(outputs);
      if (made.stream().allMatch(OutputShapes::isWhole)) {
        if (known.size() >= KNOWN_MAX) {
          known.clear();
        }
        known.put(shapes(inputs), made);
      }
    }
  }

  /** The same input shapes gave other output shapes: from now on nothing is foretold. */
  void distrust() {
    changing = true;
    known.clear();
  }

  private static List<List<Long>> shapes(List<Tensor> tensors) {
    List<List<Long>> shapes = new ArrayList<>(tensors.size());
    for (Tensor tensor : tensors) {
      shapes.add(tensor.shape());
    }
    return shapes;
  }
}
