package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.gson.Gson;
import io.skerry.api.FieldError;
import io.skerry.api.RolloutRequest;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.ShareLimit;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class RolloutRequestsTest {
  @Test
  void namesEveryFieldThatIsWrongAtOnce() {
    ProblemException refused =
        catchThrowableOfType(
            ProblemException.class,
            () ->
                read(
                    """
                    {"model": "engine-health", "version": 0, "windowMillis": 1,
                     "parts": [{"slot": "", "model": "a", "version": 1}],
                     "stages": [{"percent": 40}, {"percent": 10}, {"cohort": "lab"},
                       {"cohort": "lab"}],
                     "holdback": -1,
                     "windows": [{"from": "noon", "length": "1h"}],
                     "deadlines": {"start": "soon", "stage": "late"},
                     "gates": [{"metric": "colour"}, {"metric": "accuracy", "action": "SHOUT"}]}
                    """));

    assertThat(refused.errors())
        .extracting(FieldError::field)
        .containsExactly(
            "windowMillis",
            "model",
            "parts[0].slot",
            "stages[1].percent",
            "stages[3].percent",
            "stages[3].cohort",
            "windows[0].from",
            "holdback",
            "deadlines.start",
            "deadlines.stage",
            "gates[0].metric",
            "gates[1].action");
    assertThat(refused).hasMessageContaining("windowMillis: 1 must be 1000 to 86400000; model: ");
  }

  @Test
  void asksForApprovalWhereTheServerDoes() {
    String silent = "{\"model\": \"m\", \"version\": 1, \"stages\": [{\"percent\": 100}]}";
    String refusing = silent.replace("}]}", "}], \"approval\": false}");

    assertThat(read(silent, false).plan().approval().required()).isFalse();
    assertThat(read(refusing, false).plan().approval().required()).isFalse();
    assertThat(read(silent, true).plan().approval().required()).isTrue();
    assertThatThrownBy(() -> read(refusing, true))
        .hasMessageStartingWith("approval: here somebody else than its author approves every");
  }

  @Test
  void saysNothingOfStagesTogetherWhereOneIsNone() {
    assertThatThrownBy(
            () ->
                read(
                    """
                    {"model": "engine-health", "version": 1,
                     "stages": [{"percent": 40, "count": 1}, {"percent": 50}]}
                    """))
        .hasMessage("stages[0]: names 2 of percent, count, cohort and profile: name one");
  }

  @Test
  void looksAtNoElementOfAListThatIsTooLong() {
    ProblemException refused =
        catchThrowableOfType(
            ProblemException.class,
            () ->
                read(
                    """
                    {"model": "engine-health", "version": 1, "stages": [%s], "gates": [%s],
                     "windows": [{"from": "22:00", "length": "1h", "days": [%s]}]}
                    """
                        .formatted(many(32, "{}"), many(32, "{}"), many(8, "\"NODAY\""))));

    assertThat(refused.errors())
        .extracting(FieldError::field)
        .containsExactly("stages", "windows[0].days", "gates");
    assertThatThrownBy(
            () ->
                read(
                    "{\"model\": \"a\", \"version\": 1, \"windows\": [%s]}"
                        .formatted(many(65, "{}"))))
        .hasMessage("windows: 65 are too many: at most 64 are possible");
  }

  @Test
  void tellsABoundedNumberOfMistakes() {
    ProblemException refused =
        catchThrowableOfType(
            ProblemException.class,
            () ->
                read(
                    "{\"model\": \"\", \"version\": 1, \"stages\": [%s], \"windows\": [%s], \"parts\": [%s]}"
                        .formatted(many(31, "{}"), many(64, "{}"), many(15, "{}"))));

    assertThat(refused.errors()).hasSize(100);
  }

  private static String many(int times, String element) {
    return String.join(",", Collections.nCopies(times, element));
  }

  @Test
  void readsWhatIsLeftOutAsItsDefault() {
    RolloutWish wish = read("{\"model\": \"engine-health\", \"version\": 1}");

    assertThat(wish.plan().stages()).hasSize(3);
    assertThat(wish.parts()).hasSize(1);
  }

  @Test
  void readsHowManyDevicesMayFailTheUpdate() {
    RolloutWish wish =
        read(
            """
            {"model": "engine-health", "version": 1, "onFailedDevices": "ABORT", "gates": [
              {"metric": "device-failures", "limit": 0.05, "trialsMin": 20}]}
            """);
    RolloutWish other =
        read(
            """
            {"model": "engine-health", "version": 1, "gates": [
              {"metric": "device-failures", "action": "PAUSE"}]}
            """);

    assertThat(wish.plan().gates().failures())
        .isEqualTo(new ShareLimit(.05, 20, true, GateAction.ABORT));
    assertThat(other.plan().gates().failures())
        .isEqualTo(GateSettings.DEFAULTS.failures().doing(GateAction.PAUSE));
  }

  @Test
  void refusesWhatDevicesThatFailTheUpdateAreNotJudgedBy() {
    for (String wrong :
        List.of(
            "\"tolerance\": 0.1",
            "\"promote\": \"NO_HARM_SHOWN\"",
            "\"limit\": 1.5",
            "\"trialsMin\": 0",
            "\"action\": \"PAUSE\"")) {
      ProblemException refused =
          catchThrowableOfType(
              ProblemException.class,
              () ->
                  read(
                      """
                      {"model": "m", "version": 1, "onFailedDevices": "ABORT",
                        "gates": [{"metric": "device-failures", %s}, {"metric": "device-failures"}]}
                      """
                          .formatted(wrong)));

      String field = wrong.substring(1, wrong.indexOf('"', 1));
      assertThat(refused.errors())
          .as(wrong)
          .extracting(FieldError::field)
          .containsExactly("gates[0]." + field, "gates[1].metric");
    }
  }

  private static RolloutWish read(String json) {
    return read(json, false);
  }

  private static RolloutWish read(String json, boolean approved) {
    return RolloutRequests.read(new Gson().fromJson(json, RolloutRequest.class), "ana", approved);
  }
}
