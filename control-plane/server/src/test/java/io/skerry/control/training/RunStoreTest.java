package io.skerry.control.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParseException;
import io.skerry.api.RunMetrics;
import io.skerry.api.SliceMetrics;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunStoreTest {
  private static final String SCORES =
      """
      "rocAuc":{"value":0.99,"low":0.98,"high":1.0},"prAuc":{"value":0.9,"low":0.8,"high":0.95},
      "accuracy":{"value":0.9,"low":0.8,"high":0.95},
      "balancedAccuracy":{"value":0.9,"low":0.8,"high":0.95}
      """;
  private static final String METRICS =
      "{"
          + SCORES
          + """
          ,"examples":{"train":3,"validation":2,"test":1},
          "positives":{"train":1,"validation":1,"test":1},"seconds":3.5
          """;

  @Test
  void readsWhatARunWrites() {
    RunMetrics metrics =
        RunStore.metrics(
            METRICS
                + ",\"slice\":{\"name\":\"site=b\",\"examples\":9,\"positives\":2,\"challenger\":{"
                + SCORES
                + "},\"champion\":null}}");

    assertThat(metrics.rocAuc().value()).isEqualTo(0.99);
    SliceMetrics slice = Objects.requireNonNull(metrics.slice());
    assertThat(Objects.requireNonNull(slice.challenger()).rocAuc().value()).isEqualTo(0.99);
    assertThat(slice.champion()).isNull();
  }

  @Test
  void readsARunWithoutASlice() {
    assertThat(RunStore.metrics(METRICS + "}").slice()).isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{}", "[]", "{\"rocAuc\":{\"value\":1}}", "no json"})
  void refusesAnythingElse(String text) {
    assertThatThrownBy(() -> RunStore.metrics(text)).isInstanceOf(JsonParseException.class);
  }
}
