package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.PrivacyRule;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MonitoringSettingsTest {
  @Test
  void readsFeaturesRulesAndBudget() throws MalformedDocumentException {
    MonitoringSettings settings =
        MonitoringSettings.of(
            Map.of(
                "features",
                List.of(
                    Map.of("name", "speed", "offset", 3, "missingValue", -1, "importance", 2.5),
                    Map.of("name", "kind", "offset", 4.0, "categorical", true)),
                "privacy",
                List.of(
                    Map.of("field", "client-id", "action", "hash"),
                    Map.of("field", "speed", "action", "round", "step", 0.5),
                    Map.of("field", "input:image", "action", "blur", "radius", 4),
                    Map.of("field", "output:y", "action", "drop")),
                "budget",
                Map.of(
                    "windowBytesPerDay",
                    80_000,
                    "outcomeBytesPerDay",
                    200_000,
                    "sampleBytesPerDay",
                    1_000_000L),
                "unit",
                "gateway"));

    assertThat(settings.features())
        .containsExactly(
            new MonitoringManifests.Feature("speed", 3, false, OptionalDouble.of(-1), 2.5),
            new MonitoringManifests.Feature("kind", 4, true, OptionalDouble.empty(), 0));
    assertThat(settings.privacy())
        .extracting(PrivacyRule::getAction)
        .containsExactly(
            PrivacyRule.Action.HASH,
            PrivacyRule.Action.ROUND,
            PrivacyRule.Action.BLUR,
            PrivacyRule.Action.DROP);
    assertThat(settings.privacy().get(1).getStep()).isEqualTo(0.5);
    assertThat(settings.privacy().get(2).getRadius()).isEqualTo(4);
    assertThat(settings.budget().getWindowBytes()).isEqualTo(80_000);
    assertThat(settings.budget().getOutcomeBytes()).isEqualTo(200_000);
    assertThat(settings.budget().getSampleBytes()).isEqualTo(1_000_000);
    assertThat(settings.unit()).isEqualTo("gateway");
    assertThat(MonitoringSettings.of(Map.of())).isEqualTo(MonitoringSettings.NONE);
  }

  static List<List<Object>> mistakes() {
    return List.of(
        List.of(Map.of("privcy", List.of()), "'privcy' is unknown: use some of budget, features"),
        List.of(Map.of("privacy", Map.of()), "'privacy' is no list"),
        List.of(Map.of("privacy", List.of("hash")), "'privacy[0]' is no group of fields"),
        List.of(rule("field", "a"), "'privacy[0].action' is missing"),
        List.of(rule("action", "drop"), "'privacy[0].field' is missing"),
        List.of(rule("field", "a", "action", "mask"), "'mask' is unknown: use drop, hash, round"),
        List.of(rule("field", "a", "action", "round"), "'privacy[0].step' must be above 0"),
        List.of(rule("field", "a", "action", "round", "step", "x"), "is no number: 'x'"),
        List.of(rule("field", "a", "action", "blur", "radius", 1), "use it on input:TENSOR"),
        List.of(rule("field", "input:a", "action", "blur"), "'privacy[0].radius' is missing"),
        List.of(rule("field", "input:a", "action", "blur", "radius", 999), "from 1 to 256"),
        List.of(rule("field", "client-id", "action", "round", "step", 1), "use drop or hash"),
        List.of(Map.of("budget", Map.of("windowBytesPerDay", -1)), "from 0 to"),
        List.of(Map.of("unit", 3), "'unit' is no text: '3'"),
        List.of(Map.of("budget", Map.of("perDay", 1)), "'budget.perDay' is unknown"),
        List.of(
            Map.of("features", List.of(Map.of("name", "a"))), "'features[0].offset' is missing"),
        List.of(Map.of("features", List.of(Map.of("name", "a:b", "offset", 1))), "'a:b' is taken"),
        List.of(
            Map.of("features", Collections.nCopies(2, Map.of("name", "a", "offset", 1))),
            "'features[1].name' 'a' comes twice"),
        List.of(
            Map.of(
                "features",
                List.of(Map.of("name", "place", "offset", 4), Map.of("name", "kind", "offset", 4))),
            "'features[1].offset' 4 of 'kind' is that of 'place' too"),
        List.of(
            Map.of("privacy", Collections.nCopies(257, Map.of("field", "a", "action", "drop"))),
            "'privacy' has 257 entries, at most 256"));
  }

  private static Map<String, Object> rule(Object... fields) {
    Map<String, Object> rule = new java.util.HashMap<>();
    for (int i = 0; i < fields.length; i += 2) {
      rule.put((String) fields[i], fields[i + 1]);
    }
    return Map.of("privacy", List.of(rule));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void namesTheFieldAndTheRemedy(List<Object> mistake) {
    assertThatThrownBy(() -> MonitoringSettings.of((Map<?, ?>) mistake.get(0)))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageStartingWith("monitoring: ")
        .hasMessageContaining((String) mistake.get(1));
  }

  @Test
  void refusesRulesThatWouldNeverAct() throws MalformedDocumentException {
    MonitoringSettings settings =
        MonitoringSettings.of(
            Map.of(
                "privacy",
                List.of(
                    Map.of("field", "client-id", "action", "drop"),
                    Map.of("field", "speed", "action", "drop"),
                    Map.of("field", "input:image", "action", "drop"))));

    assertThatCode(() -> settings.checkFields(List.of("speed"), List.of("image"), List.of("y")))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> settings.checkFields(List.of(), List.of("frame"), List.of("y")))
        .hasMessageContaining("'privacy[1].field' this model has no 'speed'")
        .hasMessageContaining("'privacy[2].field' this model has no 'input:image'")
        .hasMessageContaining("client-id, input:frame, output:y");
  }
}
