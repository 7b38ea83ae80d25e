package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class WireInputsTest {
  private static InferInputTensor.Builder input(String type, long... shape) {
    InferInputTensor.Builder input = InferInputTensor.newBuilder().setName("x").setDatatype(type);
    for (long dimension : shape) {
      input.addShape(dimension);
    }
    return input;
  }

  private static ModelInferRequest request(InferInputTensor.Builder... inputs) {
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder();
    List.of(inputs).forEach(request::addInputs);
    return request.build();
  }

  private static InferInputTensor.Builder shared(InferParameter bytes) {
    return input("FP32", 3)
        .putParameters("shared_memory_region", InferParameter.getDefaultInstance())
        .putParameters("shared_memory_byte_size", bytes);
  }

  private static InferTensorContents longs(long... values) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    for (long value : values) {
      contents.addInt64Contents(value);
    }
    return contents.build();
  }

  @Test
  void tellsTheBytesOfTensorsWhateverCarriesThem() {
    assertThat(WireInputs.bytes(TestServer.floats(1, 2, 3).build())).isEqualTo(12);
    assertThat(WireInputs.bytes(request(input("INT64", 3, 1).setContents(longs(0, 0, 0)))))
        .isEqualTo(24);
    assertThat(
            WireInputs.bytes(
                request(
                    shared(InferParameter.newBuilder().setInt64Param(12).build()),
                    shared(InferParameter.newBuilder().setUint64Param(30).build()))))
        .isEqualTo(42);
    assertThat(
            WireInputs.bytes(
                request(
                    input("BYTES", 1)
                        .setContents(
                            InferTensorContents.newBuilder()
                                .addBytesContents(ByteString.copyFrom(new byte[50]))))))
        .isGreaterThanOrEqualTo(50);
  }

  @Test
  void whatCannotBeReadIsNeverLessThanNothing() {
    InferInputTensor.Builder huge =
        input("INT64", Long.MAX_VALUE, Long.MAX_VALUE).setContents(longs(0));
    InferParameter most = InferParameter.newBuilder().setInt64Param(Long.MAX_VALUE).build();

    assertThat(WireInputs.bytes(request(huge))).isEqualTo(Long.MAX_VALUE);
    assertThat(WireInputs.bytes(request(shared(most), shared(most)))).isEqualTo(Long.MAX_VALUE);
    assertThat(WireInputs.bytes(request(input("FP32", -1, 3).setContents(longs(0))))).isZero();
    assertThat(
            WireInputs.bytes(
                request(shared(InferParameter.newBuilder().setInt64Param(-1).build()))))
        .isZero();
    assertThat(WireInputs.bytes(request(input("NONE", 1)))).isZero();
  }
}
