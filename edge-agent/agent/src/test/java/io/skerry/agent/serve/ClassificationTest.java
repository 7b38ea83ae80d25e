package io.skerry.agent.serve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.agent.EchoModel;
import io.skerry.agent.model.ModelTraits;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClassificationTest {
  private static final ModelTraits ONE_ITEM = new ModelTraits(List.of(), 0);
  private static final ModelTraits BATCHES = new ModelTraits(List.of("cat", "dog"), 8);

  @Test
  void namesTheHighestFirst() {
    Tensor scores = Tensor.ofFloats("s", List.of(4L), 0.1f, 0.5f, -1, 0.25f);

    Tensor top = Classification.top(scores, 3, ONE_ITEM);

    assertThat(top.type()).isEqualTo(ElementType.BYTES);
    assertThat(top.shape()).containsExactly(3L);
    assertThat(texts(top)).containsExactly("0.500000:1", "0.250000:3", "0.100000:0");
  }

  @Test
  void ranksEveryItemOfABatchAndAddsTheLabelsThatThereAre() {
    Tensor scores = Tensor.ofFloats("s", List.of(2L, 3L), 1, 2, 3, 9, 8, 7);

    Tensor top = Classification.top(scores, 2, BATCHES);

    assertThat(top.shape()).containsExactly(2L, 2L);
    assertThat(texts(top))
        .containsExactly("3.000000:2", "2.000000:1:dog", "9.000000:0:cat", "8.000000:1:dog");
  }

  @Test
  void givesNoMoreClassesThanThereAre() {
    assertThat(Classification.top(Tensor.ofFloats("s", List.of(2L), 1, 2), 100, ONE_ITEM).shape())
        .containsExactly(2L);
    assertThat(Classification.top(Tensor.ofFloats("s", List.of(0L, 3L)), 2, BATCHES).shape())
        .containsExactly(0L, 0L);
  }

  @Test
  void notANumberIsTheLowestAndTheFirstOfEqualsTheFirst() {
    assertThat(
            texts(
                Classification.top(
                    Tensor.ofFloats("s", List.of(4L), Float.NaN, 1, 1, Float.NEGATIVE_INFINITY),
                    3,
                    ONE_ITEM)))
        .startsWith("1.000000:1", "1.000000:2");
  }

  @Test
  void ranksIntegersByTheirSign() {
    ByteBuffer bytes = ByteBuffer.wrap(new byte[] {-1, 1, 0});
    ByteBuffer longs = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    longs.putLong(-1).putLong(1).flip();

    assertThat(top(ElementType.INT8, 3, bytes)).containsExactly("1:1", "0:2", "-1:0");
    assertThat(top(ElementType.UINT8, 3, bytes)).containsExactly("255:0", "1:1", "0:2");
    assertThat(top(ElementType.INT64, 2, longs)).containsExactly("1:1", "-1:0");
    assertThat(top(ElementType.UINT64, 2, longs)).containsExactly("18446744073709551615:0", "1:1");
  }

  @Test
  void worksThroughTheProtocol() throws Exception {
    try (TestServer server = TestServer.start()) {
      server.with(
          "m", EchoModel.of(new TensorSpec("x", ElementType.FP32, List.of(-1L, 2L))), BATCHES);

      ModelInferResponse response =
          server.stub().modelInfer(TestServer.floats(1, 4).addOutputs(classes(1)).build());

      assertThat(response.getOutputs(0).getDatatype()).isEqualTo("BYTES");
      assertThat(response.getOutputs(0).getShapeList()).containsExactly(1L, 1L);
      assertThat(response.getRawOutputContents(0))
          .isEqualTo(
              ByteString.copyFrom(ByteStrings.write(List.of("4.000000:1:dog".getBytes(UTF_8)))));
      assertThatThrownBy(
              () ->
                  server.stub().modelInfer(TestServer.floats(1, 4).addOutputs(classes(0)).build()))
          .hasMessageContaining("INVALID_ARGUMENT: invalid value for 'classification'");
    }
  }

  @Test
  void refusesTypesWithoutAnOrder() throws Exception {
    try (TestServer server = TestServer.start()) {
      server.with("m", EchoModel.of(ElementType.FP16));

      assertThatThrownBy(
              () ->
                  server
                      .stub()
                      .modelInfer(
                          TestServer.raw("FP16", List.of(1L, 2L), ByteString.copyFrom(new byte[4]))
                              .addOutputs(classes(1))
                              .build()))
          .hasMessage(
              "INVALID_ARGUMENT: class result not available for output 'x_out' due to unsupported type 'FP16'");
    }
  }

  private static InferRequestedOutputTensor.Builder classes(int count) {
    return InferRequestedOutputTensor.newBuilder()
        .setName("x_out")
        .putParameters("classification", InferParameter.newBuilder().setInt64Param(count).build());
  }

  private static List<String> top(ElementType type, int count, ByteBuffer data) {
    return texts(
        Classification.top(new Tensor("s", type, List.of((long) count), data), count, ONE_ITEM));
  }

  private static List<String> texts(Tensor tensor) {
    return ByteStrings.read(tensor.data()).stream().map(text -> new String(text, UTF_8)).toList();
  }
}
