package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceRulesTest {
  private static final String OWN = "skerry/v1/default/devices/cam-1/";

  private final DeviceRules rules = DeviceRules.of("default/cam-1");

  private static DeviceRules.Message message(String topic, boolean retained, int bytes) {
    return new DeviceRules.Message(topic, retained, 1, bytes, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "status, true, 10",
    "status, false, 10",
    "status, true, 1024",
    "reported, false, 32768",
    "windows, false, 262144",
    "samples, false, 0",
    "feedback, false, 1",
    "events, false, 1",
  })
  void letsADeviceWriteItsOwnTopics(String kind, boolean retained, int bytes) {
    assertThat(rules.refusesPublish(message(OWN + kind, retained, bytes))).isEmpty();
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
    "skerry/v1/default/devices/cam-1/status/, true, 1",
    "skerry/v1/default/devices/cam-1, true, 1",
    "skerry/v1/default/devices/cam-1/Status, true, 1",
    "skerry/v1/default/devices/cam-2/windows, false, 1",
    "skerry/v1/default/devices/cam-10/windows, false, 1",
    "skerry/v1/other/devices/cam-1/windows, false, 1",
    "skerry/v1/default/control/state, false, 1",
    "$SYS/broker, false, 1",
    "anything, false, 1",
    "'', false, 1",
  })
  void refusesEverythingElse(String topic, boolean retained, int bytes) {
    assertThat(rules.refusesPublish(message(topic, retained, bytes))).isPresent();
  }

  @Test
  void refusesQosTwo() {
    assertThat(rules.refusesPublish(new DeviceRules.Message(OWN + "events", false, 2, 1, 0)))
        .hasValue("QoS 2: at most 1 is allowed");
  }

  @Test
  void boundsUserProperties() {
    assertThat(rules.refusesPublish(new DeviceRules.Message(OWN + "events", false, 1, 1, 8)))
        .isEmpty();
    assertThat(rules.refusesPublish(new DeviceRules.Message(OWN + "events", false, 1, 1, 9)))
        .isPresent();
  }

  @ParameterizedTest
  @CsvSource({"0, true", "60, true", "300, true", "300, false"})
  void letsAWillTellThatADeviceIsOffline(long delay, boolean retained) {
    assertThat(rules.refusesWill(message(OWN + "status", retained, 40), delay)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "skerry/v1/default/devices/cam-1/events, false, 1, 0",
    "skerry/v1/default/devices/cam-1/reported, true, 1, 0",
    "skerry/v1/default/devices/cam-2/status, true, 1, 0",
    "skerry/v1/default/devices/cam-1/status, true, 1025, 0",
    "skerry/v1/default/devices/cam-1/status, true, 1, 301",
    "skerry/v1/default/devices/cam-1/status, true, 1, 4294967295",
  })
  void refusesAnyOtherWill(String topic, boolean retained, int bytes, long delay) {
    assertThat(rules.refusesWill(message(topic, retained, bytes), delay)).isPresent();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "#",
        "+",
        "$SYS/#",
        "skerry/v1/+/devices/+/desired",
        "skerry/v1/default/devices/+/desired",
        "skerry/v1/default/devices/cam-2/desired",
        "skerry/v1/other/control/state",
        OWN + "#",
        OWN + "+",
        OWN + "reported",
        OWN + "status",
        "$share/x/" + OWN + "desired"
      })
  void refusesWildcardsAndForeignFilters(String filter) {
    assertThat(rules.refusesSubscribe(filter)).isPresent();
  }

  @ParameterizedTest
  @ValueSource(strings = {OWN + "desired", OWN + "committed", "skerry/v1/default/control/state"})
  void letsADeviceReadWhatIsForIt(String filter) {
    assertThat(rules.refusesSubscribe(filter)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "cam-1",
        "/cam-1",
        "default/",
        "+/cam-1",
        "default/#",
        "default/+",
        "default/cam\u0000",
        "default/cam 1",
        "Default/cam-1",
        "control2",
        "a/b/c"
      })
  void allowsNothingToAClientIdThatIsNoDevice(String clientId) {
    DeviceRules none = DeviceRules.of(clientId);

    assertThat(none.refusesPublish(message(OWN + "status", false, 1))).isPresent();
    assertThat(none.refusesWill(message(OWN + "status", true, 1), 0)).isPresent();
    assertThat(none.refusesSubscribe(OWN + "desired")).isPresent();
    assertThat(none.refusesSubscribe("skerry/v1/default/control/state")).isPresent();
  }
}
