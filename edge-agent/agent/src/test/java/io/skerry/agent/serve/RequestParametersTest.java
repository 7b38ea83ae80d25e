package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.model.PredictException;
import io.skerry.wire.inference.InferParameter;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestParametersTest {
  @Test
  void saysNothingWithoutParameters() throws Exception {
    assertThat(InferParameters.read(Map.of()))
        .isEqualTo(new InferParameters(InferParameters.PRIORITY_DEFAULT, 0, ""));
  }

  @Test
  void readsPriorityAndTimeoutOfOldAndNewClients() throws Exception {
    assertThat(
            InferParameters.read(
                Map.of("priority", parameter("uint", "1"), "timeout", parameter("int", "250"))))
        .isEqualTo(new InferParameters(1, 250_000, ""));
    assertThat(InferParameters.read(Map.of("priority", parameter("int", "10"))).priority())
        .isEqualTo(10);
    assertThat(InferParameters.read(Map.of("priority", parameter("int", "11"))).priority())
        .isEqualTo(InferParameters.PRIORITY_DEFAULT);
    assertThat(
            InferParameters.read(Map.of("timeout", parameter("int", "9223372036854775807")))
                .timeoutNanos())
        .isZero();
  }

  @Test
  void readsTheKeyThatKeepsAClientWithOneVersion() throws Exception {
    assertThat(InferParameters.read(Map.of("skerry_key", parameter("string", "line-7"))).key())
        .isEqualTo("line-7");
  }

  @ParameterizedTest
  @CsvSource({
    "sequence_id, int, 7",
    "sequence_id, string, seven",
    "sequence_id, uint, 7",
    "sequence_start, bool, true",
    "sequence_end, bool, false",
    "triton_enable_empty_final_response, bool, true",
    "my own, double, 0.5",
    "my own, bool, true",
    "priority, uint, 0",
  })
  void accepts(String name, String kind, String value) throws Exception {
    assertThat(InferParameters.read(Map.of(name, parameter(kind, value))))
        .isEqualTo(new InferParameters(InferParameters.PRIORITY_DEFAULT, 0, ""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "priority | int | -1 | invalid value for 'priority' parameter: -1",
        "skerry_key | int | 7 | invalid value type for 'skerry_key' parameter",
        "priority | string | 1 | invalid value type for 'priority' parameter",
        "timeout | double | 1 | invalid value type for 'timeout' parameter",
        "timeout | int | -5 | invalid value for 'timeout' parameter",
        "sequence_id | bool | true | invalid value type for 'sequence_id' parameter, expected int64_param or string_param.",
        "sequence_id | none | - | invalid value type for 'sequence_id' parameter",
        "sequence_start | int | 1 | invalid value type for 'sequence_start' parameter, expected bool_param.",
        "sequence_end | string | x | invalid value type for 'sequence_end' parameter",
        "triton_x | int | 1 | parameter 'triton_x' is reserved",
      })
  void refuses(String name, String kind, String value, String text) {
    assertThatThrownBy(() -> InferParameters.read(Map.of(name, parameter(kind, value))))
        .isInstanceOfSatisfying(
            PredictException.class,
            e -> assertThat(e.code()).isEqualTo(PredictException.Code.INVALID_ARGUMENT))
        .hasMessageStartingWith(text);
  }

  private static InferParameter parameter(String kind, String value) {
    InferParameter.Builder parameter = InferParameter.newBuilder();
    return switch (kind) {
      case "int" -> parameter.setInt64Param(Long.parseLong(value)).build();
      case "uint" -> parameter.setUint64Param(Long.parseLong(value)).build();
      case "string" -> parameter.setStringParam(value).build();
      case "double" -> parameter.setDoubleParam(Double.parseDouble(value)).build();
      case "bool" -> parameter.setBoolParam(Boolean.parseBoolean(value)).build();
      default -> parameter.build();
    };
  }
}
