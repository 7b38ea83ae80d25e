package io.skerry.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.Digest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTimingsTest {
  private static final DeviceTimings REPORT =
      new DeviceTimings(
          "arm64-dotprod",
          "cam-1",
          List.of(
              new DeviceTimings.Timing(
                  Digest.parse("sha256:" + "ab".repeat(32)), "tflite", 812.5, 1033, 4.1, 99, 500)));

  @Test
  void readsWhatItWrites() {
    assertThat(DeviceTimings.parse("report", REPORT.json())).isEqualTo(REPORT);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{}",
        "{\"kind\":\"other\",\"profile\":\"a\",\"device\":\"b\",\"timings\":[]}",
        "{\"kind\":\"timings\",\"profile\":\"a\",\"device\":\"b\",\"timings\":[{\"model\":\"x\"}]}"
      })
  void refusesWhatIsNoReport(String json) {
    assertThatThrownBy(() -> DeviceTimings.parse("r.json", json.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("r.json");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"p50Micros\": 812.5>\"p50Micros\": -1",
        "\"loadMillis\": 4.1>\"loadMillis\": 1e12",
        "\"calls\": 500>\"calls\": 0"
      })
  void refusesFiguresThatAreNoTimings(String change) {
    String[] parts = change.split(">");
    String json = new String(REPORT.json(), StandardCharsets.UTF_8).replace(parts[0], parts[1]);

    assertThatThrownBy(() -> DeviceTimings.parse("r.json", json.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContainingAll("r.json", "no timings");
  }

  @Test
  void refusesAReportThatIsTooLarge() {
    byte[] large = new byte[DeviceTimings.JSON_BYTES_MAX + 1];

    assertThatThrownBy(() -> DeviceTimings.parse("r.json", large))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("more than 1048576 bytes");
  }
}
