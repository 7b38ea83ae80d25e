package io.skerry.artifact.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutsideWeightsTest {
  private static final long BYTES_MAX = 1 << 20;

  @TempDir private Path folder;

  @Test
  void findsWhatLiesOutsideAmongWhatDoesNot() throws Exception {
    Path model =
        model(
            inside("a", 70_000),
            outside("w", "location", "weights/all.bin", "offset", "4", "length", "8"),
            inside("b", 3),
            outside("v", "location", "v.bin"));

    assertThat(OutsideWeights.named(model))
        .containsExactly(
            new OutsideWeight("w", "weights/all.bin", 4, OptionalLong.of(8)),
            new OutsideWeight("v", "v.bin", 0, OptionalLong.empty()));
  }

  @Test
  void namesEachFileOnce() throws Exception {
    Files.createDirectories(folder.resolve("weights"));
    Files.write(folder.resolve("weights/all.bin"), new byte[12]);
    Path model =
        model(
            outside("w", "location", "weights/all.bin", "offset", "4", "length", "8"),
            outside("v", "location", "./weights/../weights/all.bin", "length", "4"));

    assertThat(OutsideWeights.files(model, BYTES_MAX))
        .hasSize(1)
        .containsKey(Path.of("weights/all.bin"));
  }

  @Test
  void namesNoneOfAModelInOneFile() throws Exception {
    assertThat(OutsideWeights.files(model(inside("a", 3)), 1)).isEmpty();
  }

  @Test
  void refusesPathsThatLeaveTheFolder() throws Exception {
    Path inner = Files.createDirectories(folder.resolve("model"));
    Files.write(folder.resolve("secret"), new byte[4]);
    Files.createSymbolicLink(inner.resolve("link"), folder.resolve("secret"));
    Files.createSymbolicLink(inner.resolve("up"), folder);
    for (String location :
        List.of("../secret", folder.resolve("secret").toString(), "a/../../secret", "", ".")) {
      refused(in(inner, outside("w", "location", location)), "outside the model's folder");
    }
    for (String location : List.of("link", "up/secret", "up")) {
      refused(in(inner, outside("w", "location", location)), "no regular file beside the model");
    }
  }

  @Test
  void tellsFileConstantAndRemedyOfWhatIsMissing() throws Exception {
    assertThatThrownBy(
            () -> OutsideWeights.files(model(outside("w", "location", "gone.bin")), BYTES_MAX))
        .hasMessage(
            "constant 'w' lies in 'gone.bin', which is no regular file beside the model: save the"
                + " model as one file, or put its weights beside it");
  }

  /** A constant's name is the exporter's; the nodes of a model are what people drew. */
  @Test
  void namesTheNodeThatReadsARefusedConstant() throws Exception {
    NodeProto other = NodeProto.newBuilder().setOpType("Relu").addInput("x").addOutput("r").build();
    NodeProto.Builder conv =
        NodeProto.newBuilder().setOpType("Conv").addInput("r").addInput("w").addOutput("y");
    for (boolean named : List.of(true, false)) {
      String name = named ? "/stem/conv" : "y";
      conv.setName(named ? name : "");
      for (TensorProto refused :
          List.of(
              outside("w", "location", "gone.bin"),
              outside("w", "location", "../secret"),
              outside("w", "location", "gone.bin", "offset", "many"))) {
        Path model = in(folder, List.of(other, conv.build()), refused);

        assertThatThrownBy(() -> OutsideWeights.files(model, BYTES_MAX))
            .hasMessageStartingWith("node '%s' (Conv): constant 'w' ", name);
      }
    }
    conv.setName("n".repeat(5000));
    Path model = in(folder, List.of(conv.build()), outside("w", "location", "gone.bin"));
    assertThatThrownBy(() -> OutsideWeights.files(model, BYTES_MAX))
        .hasMessageStartingWith("node '%s' (Conv): constant 'w' ", "n".repeat(200));
  }

  @Test
  void refusesWhatIsNotWhereItShouldBe() throws Exception {
    Files.write(folder.resolve("short"), new byte[6]);

    refused(model(outside("w", "location", "short", "offset", "4", "length", "4")), "which has 6");
    refused(model(outside("w", "location", "short", "offset", "7")), "bytes 7 to 7");
    refused(model(outside("w", "location", "short", "length", "-1")), "the length '-1'");
    refused(model(outside("w", "location", "short", "where", "4")), "unknown key 'where'");
  }

  @Test
  void refusesMoreThanTheLimitAndReadsNoneOfIt() throws Exception {
    try (RandomAccessFile sparse = new RandomAccessFile(folder.resolve("big").toFile(), "rw")) {
      sparse.setLength(1L << 33);
    }

    refused(model(outside("w", "location", "big", "length", "4")), "8192 MiB", "the limit is 1");
  }

  @Test
  void refusesDamagedFilesInOneLine() throws Exception {
    byte[] whole = Files.readAllBytes(model(outside("w", "location", "x"), inside("a", 1000)));
    for (int bytes = 0; bytes < whole.length; bytes += 7) {
      Path cut = Files.write(folder.resolve("cut.onnx"), Arrays.copyOf(whole, bytes));
      try {
        assertThat(OutsideWeights.named(cut)).hasSizeLessThan(2);
      } catch (WeightsRefusedException e) {
        assertThat(e).hasMessageContaining("damaged");
      }
    }
    String longName = "n".repeat(5000);
    refused(model(outside(longName, "location", "x")), "more than 4096 bytes");
  }

  private void refused(Path model, String... fragments) {
    assertThatThrownBy(() -> OutsideWeights.files(model, BYTES_MAX))
        .isInstanceOf(WeightsRefusedException.class)
        .hasMessageContainingAll(fragments);
  }

  private Path model(TensorProto... constants) throws IOException {
    return in(folder, constants);
  }

  private static Path in(Path folder, TensorProto... constants) throws IOException {
    NodeProto node = NodeProto.newBuilder().setOpType("Add").addInput("x").build();
    return in(folder, List.of(node), constants);
  }

  private static Path in(Path folder, List<NodeProto> nodes, TensorProto... constants)
      throws IOException {
    return Files.write(
        folder.resolve("model.onnx"),
        ModelProto.newBuilder()
            .setIrVersion(8)
            .setProducerName("test")
            .setGraph(
                GraphProto.newBuilder()
                    .setName("g")
                    .addAllNode(nodes)
                    .addAllInitializer(List.of(constants)))
            .build()
            .toByteArray());
  }

  private static TensorProto inside(String name, int bytes) {
    return TensorProto.newBuilder()
        .setName(name)
        .setRawData(ByteString.copyFrom(new byte[bytes]))
        .build();
  }

  private static TensorProto outside(String name, String... entries) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataLocation(TensorProto.DataLocation.EXTERNAL);
    for (int i = 0; i < entries.length; i += 2) {
      tensor.addExternalData(
          StringStringEntryProto.newBuilder().setKey(entries[i]).setValue(entries[i + 1]));
    }
    return tensor.build();
  }
}
