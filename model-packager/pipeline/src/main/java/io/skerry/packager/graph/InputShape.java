package io.skerry.packager.graph;

import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The shape of an input that a model leaves open.
 *
 * @param input its name; absent where the model has no other
 * @param dimensions the batch, which is 1, and all others
 */
public record InputShape(Optional<String> input, List<Integer> dimensions) {
  public InputShape {
    dimensions = List.copyOf(dimensions);
  }

  /**
   * Reads {@code name=1,3,224,224}, or the numbers alone.
   *
   * @throws IllegalArgumentException if it is neither
   */
  public static InputShape parse(String text) {
    int at = text.lastIndexOf('=');
    try {
      List<Integer> dimensions =
          Stream.of(text.substring(at + 1).split(",", -1)).map(Integer::valueOf).toList();
      if (dimensions.size() >= 2
          && dimensions.getFirst() == 1
          && dimensions.stream().allMatch(size -> size > 0)) {
        return new InputShape(
            at < 1 ? Optional.empty() : Optional.of(text.substring(0, at)), dimensions);
      }
    } catch (NumberFormatException e) {
      throw unreadable(text, e);
    }
    throw unreadable(text, null);
  }

  private static IllegalArgumentException unreadable(
      String text, @Nullable NumberFormatException cause) {
    return new IllegalArgumentException(
        "input shape '%s' is none: write name=1,3,224,224, the batch first, which is 1"
            .formatted(text),
        cause);
  }

  /**
   * The model with this input, its outputs' shapes left to be found.
   *
   * @throws ModelRefusedException if the model fixes another shape, or has no such input
   */
  ModelProto appliedTo(ModelProto model) {
    ModelProto.Builder fixed = model.toBuilder();
    GraphProto.Builder graph = fixed.getGraphBuilder();
    List<String> names =
        OnnxImport.inputs(model.getGraph()).stream().map(ValueInfoProto::getName).toList();
    String wanted = input.orElse(names.size() == 1 ? names.getFirst() : "");
    if (input.isEmpty() && names.size() != 1) {
      throw new ModelRefusedException(
          "the model has %d inputs: name the one that has the shape: one of %s"
              .formatted(names.size(), names));
    }
    if (!names.contains(wanted)) {
      throw new ModelRefusedException(
          "there is no input '%s' to give a shape: name one of %s".formatted(wanted, names));
    }
    for (ValueInfoProto.Builder each : graph.getInputBuilderList()) {
      if (each.getName().equals(wanted)) {
        fix(each);
      }
    }
    // What they say of open dimensions is not known to fit any more.
    graph.clearValueInfo();
    graph
        .getOutputBuilderList()
        .forEach(output -> output.getTypeBuilder().getTensorTypeBuilder().clearShape());
    return fixed.build();
  }

  private void fix(ValueInfoProto.Builder value) {
    boolean told = value.getType().getTensorType().hasShape();
    TensorShapeProto.Builder shape =
        value.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder();
    if (!told) {
      // A file that does not even say how many dimensions there are leaves all of them open.
      dimensions.forEach(size -> shape.addDim(TensorShapeProto.Dimension.getDefaultInstance()));
    }
    boolean fits = shape.getDimCount() == dimensions.size();
    for (int axis = 1; fits && axis < dimensions.size(); axis++) {
      TensorShapeProto.Dimension known = shape.getDim(axis);
      fits = known.getDimValue() <= 0 || known.getDimValue() == dimensions.get(axis);
      shape.setDim(axis, TensorShapeProto.Dimension.newBuilder().setDimValue(dimensions.get(axis)));
    }
    if (!fits) {
      throw new ModelRefusedException(
          "input '%s' of %d dimensions cannot have the shape %s: only open dimensions can be fixed"
              .formatted(value.getName(), shape.getDimCount(), new Shape(dimensions)));
    }
  }
}
