package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InputShapeTest {
  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @Test
  void fixesWhatAFileLeavesOpen() throws Exception {
    Graph graph = net();
    Path open = Files.write(folder.resolve("open.onnx"), opened(graph));
    Samples items = Nets.randomItems(graph, 5);
    Outputs said = outputs(OnnxExport.write(graph), items);

    assertThatThrownBy(() -> OnnxImport.read(open))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("open.onnx", "input 'x'", "dimension 2", "--input-shape");
    for (String shape : List.of("x=1,3,9,8", "1,3,9,8")) {
      InputShape wanted = InputShape.parse(shape);
      Graph read = OnnxImport.read(open, Optional.of(wanted));

      assertThat(read.shape("x")).isEqualTo(Shape.of(Shape.BATCH, 3, 9, 8));
      assertThat(outputs(OnnxExport.write(read), items).largestDifference(said)).isLessThan(1e-5);
      assertThat(outputs(OnnxImport.fixed(open, wanted), items).largestDifference(said))
          .isLessThan(1e-5);
    }
  }

  @Test
  void leavesWhatAFileFixes() throws Exception {
    Path open = Files.write(folder.resolve("open.onnx"), opened(net()));

    assertRefused(open, "1,4,9,8", "input 'x' of 4 dimensions cannot have the shape [1,4,9,8]");
    assertRefused(open, "1,3,9", "input 'x' of 4 dimensions cannot have the shape [1,3,9]");
    assertRefused(
        open, "image=1,3,9,8", "there is no input 'image' to give a shape: name one of [x]");
  }

  @Test
  void fixesWhatAFileSaysNothingOf() throws Exception {
    Graph graph = net();
    ModelProto.Builder model = ModelProto.parseFrom(OnnxExport.write(graph)).toBuilder();
    model.getGraphBuilder().getInputBuilder(0).getTypeBuilder().getTensorTypeBuilder().clearShape();
    Path open = Files.write(folder.resolve("open.onnx"), model.build().toByteArray());

    Graph read = OnnxImport.read(open, Optional.of(InputShape.parse("1,3,9,8")));

    assertThat(read.shape("x")).isEqualTo(Shape.of(Shape.BATCH, 3, 9, 8));
  }

  @Test
  void asksWhichOfSeveralInputsIsMeant() throws Exception {
    ModelProto.Builder model = ModelProto.parseFrom(opened(net())).toBuilder();
    ValueInfoProto first = model.getGraph().getInput(0);
    model.getGraphBuilder().addInput(first.toBuilder().setName("mask"));
    Path open = Files.write(folder.resolve("open.onnx"), model.build().toByteArray());

    assertRefused(open, "1,3,9,8", "2 inputs: name the one that has the shape: one of [x, mask]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "x=", "1", "x=2,3,4", "1,0,3", "1,-1,3", "x=1,3,a", "1,,3"})
  void refusesWhatIsNoShape(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> InputShape.parse(text))
        .withMessageContainingAll("'" + text + "'", "write name=1,3,224,224");
  }

  private static void assertRefused(Path file, String shape, String message) {
    assertThatThrownBy(() -> OnnxImport.read(file, Optional.of(InputShape.parse(shape))))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("open.onnx", message);
  }

  private static Graph net() {
    Nets net = new Nets(1, "x", Shape.BATCH, 3, 9, 8).conv(6, Activation.RELU, 3, 3);
    return net.halved()
        .add(new Op.GlobalAveragePool())
        .flatten()
        .dense(4, Activation.NONE)
        .graph("y");
  }

  /** As exported for pictures of any size. */
  private static byte[] opened(Graph graph) throws Exception {
    ModelProto.Builder model = ModelProto.parseFrom(OnnxExport.write(graph)).toBuilder();
    ValueInfoProto.Builder input = model.getGraphBuilder().getInputBuilder(0);
    TensorShapeProto.Builder shape =
        input.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder();
    shape.setDim(2, TensorShapeProto.Dimension.newBuilder().setDimParam("height"));
    shape.setDim(3, TensorShapeProto.Dimension.newBuilder().setDimParam("width"));
    return model.build().toByteArray();
  }

  private Outputs outputs(byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), content);
    try (LoadedModel model = bench.load(Engine.ONNXRUNTIME, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
