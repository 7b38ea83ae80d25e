package io.skerry.agent.serve.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.model.PredictException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class InferJsonReaderTest {
  private static final int MUTATIONS = 20_000;
  private static final String REQUEST =
      """
      {"id": "a", "parameters": {"binary_data_output": true, "priority": 1, "x": 0.5, "y": "t"},
       "inputs": [
        {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [[1, -2.5e3]]},
        {"name": "s", "shape": [2], "datatype": "BYTES", "data": ["a", "\\u00fc"]},
        {"name": "b", "shape": [4], "datatype": "UINT8", "parameters": {"binary_data_size": 4}}],
       "outputs": [{"name": "o", "parameters": {"binary_data": false, "classification": 3}}]}""";

  @Test
  void placesEveryInputsBytesInOrder() throws Exception {
    InferJson read = read(REQUEST.getBytes(UTF_8), new byte[] {1, 2, 3, 4});

    assertThat(read.request().getRawInputContentsList())
        .extracting(bytes -> bytes.size())
        .isEqualTo(List.of(8, 11, 4));
    assertThat(read.request().getInputs(2).getParametersMap()).isEmpty();
    assertThat(read.request().getParametersMap()).containsOnlyKeys("priority", "x", "y");
    assertThat(read.isBinary("o")).isFalse();
    assertThat(read.isBinary("other")).isTrue();
  }

  @Test
  void inputsMayComeTwice() {
    assertThatThrownBy(
            () ->
                read(
                    """
                    {"inputs": [{"name": "x", "shape": [1], "datatype": "INT8", "data": [1]}],
                     "inputs": [{"name": "x", "shape": [1], "datatype": "INT8", "data": [1]},
                                {"name": "y", "shape": [1], "datatype": "INT8", "data": 1}]}"""
                        .getBytes(UTF_8),
                    new byte[0]))
        .isInstanceOf(PredictException.class);
  }

  @Test
  void whateverIsSentIsReadOrRefused() {
    Random random = new Random(20261120);
    byte[] alphabet = "{}[]\",:0123456789eE+-.\\\u0000truefalsnul \n".getBytes(UTF_8);
    int read = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] json = REQUEST.getBytes(UTF_8);
      for (int change = random.nextInt(3); change >= 0; change--) {
        json[random.nextInt(json.length)] =
            random.nextInt(8) == 0
                ? (byte) random.nextInt()
                : alphabet[random.nextInt(alphabet.length)];
      }
      int length = random.nextInt(10) == 0 ? random.nextInt(json.length) : json.length;
      try {
        InferJsonReader.read(
            "m", "", ByteBuffer.wrap(json, 0, length), ByteBuffer.wrap(new byte[] {1, 2, 3, 4}));
        read++;
      } catch (PredictException e) {
        assertThat(e.code()).isEqualTo(PredictException.Code.INVALID_ARGUMENT);
      }
    }
    assertThat(read).isPositive();
  }

  private static InferJson read(byte[] json, byte[] tensors) throws PredictException {
    return InferJsonReader.read("m", "", ByteBuffer.wrap(json), ByteBuffer.wrap(tensors));
  }
}
