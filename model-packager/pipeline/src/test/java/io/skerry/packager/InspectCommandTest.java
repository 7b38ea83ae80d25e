package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.LayerType;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
  private static final List<String> DAMAGED =
      List.of("cannot be told: the file is damaged: package the model again");

  @TempDir private Path folder;

  /** Nobody has verified what is inspected. */
  @Test
  void tellsOfNodesThatMakeNothing() throws Exception {
    assertThat(floats(NodeProto.newBuilder().setOpType("DequantizeLinear").build()))
        .isEqualTo(DAMAGED);
    assertThat(floats(node("Conv", "x", "y"), NodeProto.newBuilder().setOpType("Relu").build()))
        .isEqualTo(DAMAGED);
  }

  @Test
  void tellsOfNodesThatReadEachOtherInACircle() throws Exception {
    assertThat(floats(node("Relu", "y", "z"), node("Relu", "z", "y"))).isEqualTo(DAMAGED);
  }

  @Test
  void tellsOfWhatNobodyExpectedInOneLine() {
    assertThat(PackCommand.told(new IllegalStateException("no\nsuch state")))
        .isEqualTo(
            "IllegalStateException: no such state: this is a fault of Skerry: report it with what 'skerry pack --trace' prints");
  }

  @Test
  void tellsWhatToDoAboutAFileThatIsNotThere() {
    assertThat(PackCommand.told(new NoSuchFileException("model.onnx")))
        .isEqualTo("there is no file model.onnx: check the path");
  }

  private List<String> floats(NodeProto... nodes) throws Exception {
    GraphProto graph = GraphProto.newBuilder().addAllNode(List.of(nodes)).build();
    Path blob = folder.resolve("blob");
    Files.write(blob, ModelProto.newBuilder().setGraph(graph).build().toByteArray());
    return InspectCommand.floats(blob, LayerType.MODEL_ONNX);
  }

  private static NodeProto node(String type, String input, String output) {
    return NodeProto.newBuilder().setOpType(type).addInput(input).addOutput(output).build();
  }
}
