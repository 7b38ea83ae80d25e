package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.LayerType;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import java.nio.file.AccessDeniedException;
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
  void tellsOfModelsThatAreTooLargeToRead() throws Exception {
    Path huge = Huge.file(folder.resolve("huge"));

    for (LayerType type : List.of(LayerType.MODEL_ONNX, LayerType.MODEL_TFLITE)) {
      assertThat(InspectCommand.floats(huge, type))
          .containsExactly(
              "cannot be told: the model has 3221225472 bytes, the limit is 536870912: package the model again");
    }
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

  @Test
  void tellsWhatToDoAboutAFileThatIsNotToBeRead() {
    assertThat(PackCommand.told(new AccessDeniedException("model.onnx")))
        .isEqualTo("model.onnx may not be read or written: give this user the right to");
  }

  @Test
  void tellsWhoWonAndWhyOthersDidNot() throws Exception {
    assertThat(
            decision(
                """
                {"variants": [
                  {"engine": "onnxruntime", "precision": "fp32", "winner": false,
                   "reason": "slower"},
                  {"engine": "tflite", "precision": "int8", "winner": true,
                   "reason": "the fastest\\u001b[2J"}]}
                """))
        .containsExactly("onnxruntime fp32: slower", "tflite int8: WINS: the fastest [2J");
  }

  @Test
  void tellsOfADecisionThatCannotBeRead() throws Exception {
    for (String damaged :
        List.of(
            "",
            "[]",
            "{}",
            "{\"variants\": 1}",
            "{\"variants\": [1]}",
            "{\"variants\": [{}]}",
            "[".repeat(100_000))) {
      assertThat(decision(damaged))
          .containsExactly("cannot be told: what was measured is damaged: package the model again");
    }
    assertThat(decision(" ".repeat(Decision.BYTES_MAX + 1)))
        .containsExactly(
            "cannot be told: what was measured has more than 4194304 bytes: package the model again");
  }

  private List<String> decision(String measurements) throws Exception {
    return Decision.lines(Files.writeString(folder.resolve("measurements"), measurements));
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
