package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceRulesTest {
  private static final String OWN = "skerry/v1/default/devices/cam-1/";

  private final DeviceRules rules = DeviceRules.of("default/cam-1");

  @ParameterizedTest
  @CsvSource({
    "status, true, 10",
    "status, false, 10",
    "reported, false, 32768",
    "windows, false, 262144",
    "samples, false, 0",
  })
  void letsADeviceWriteItsOwnTopics(String kind, boolean retained, int bytes) {
    assertThat(rules.refusesPublish(OWN + kind, retained, bytes)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "skerry/v1/default/devices/cam-1/desired, false, 1",
    "skerry/v1/default/devices/cam-1/committed, false, 1",
    "skerry/v1/default/devices/cam-1/windows, true, 1",
    "skerry/v1/default/devices/cam-1/reported, true, 1",
    "skerry/v1/default/devices/cam-1/reported, false, 32769",
    "skerry/v1/default/devices/cam-1/windows, false, 262145",
    "skerry/v1/default/devices/cam-1/status, true, 1025",
    "skerry/v1/default/devices/cam-2/windows, false, 1",
    "skerry/v1/other/devices/cam-1/windows, false, 1",
    "skerry/v1/default/control/state, false, 1",
    "anything, false, 1",
  })
  void refusesEverythingElse(String topic, boolean retained, int bytes) {
    assertThat(rules.refusesPublish(topic, retained, bytes)).isNotEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "#",
        "+",
        "skerry/v1/+/devices/+/desired",
        OWN + "#",
        OWN + "reported",
        "$share/x/" + OWN + "desired"
      })
  void refusesWildcardsAndForeignFilters(String filter) {
    assertThat(rules.allowsSubscribe(filter)).isFalse();
  }

  @Test
  void letsADeviceReadWhatIsForIt() {
    assertThat(rules.allowsSubscribe(OWN + "desired")).isTrue();
    assertThat(rules.allowsSubscribe("skerry/v1/default/control/state")).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "cam-1", "+/cam-1", "default/#", "control2", "a/b/c"})
  void allowsNothingToAClientIdThatIsNoDevice(String clientId) {
    DeviceRules none = DeviceRules.of(clientId);

    assertThat(none.refusesPublish(OWN + "status", false, 1)).isNotEmpty();
    assertThat(none.allowsSubscribe(OWN + "desired")).isFalse();
  }
}
