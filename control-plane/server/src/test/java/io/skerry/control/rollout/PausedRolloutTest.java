package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.rollout.RolloutAct;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Who hears of a pause. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PausedRolloutTest {
  private final RolloutFleet fleet;

  PausedRolloutTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    // A rollout's id comes again with the same version.
    fleet.sql("truncate alert cascade");
    fleet.version(1, Map.of(X86, "onnxruntime"));
    fleet.enrol(10, X86);
  }

  private String started() {
    return fleet
        .create(
            """
            {"model": "tested", "version": 1, "onFailedDevices": "PAUSE",
              "deadlines": {"stage": "10m"}, "stages": [{"percent": 50}, {"percent": 100}]}
            """)
        .id();
  }

  private String failed() {
    String id = started();
    fleet.report(id, "FAILED");
    fleet.look();
    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    return id;
  }

  private Map<String, String> alerts(String id) {
    return fleet.texts(
        "select kind || ' ' || severity as name, detail as text from alert where object = ?", id);
  }

  @Test
  void alertsOnceWhenAGateFails() {
    String id = failed();

    fleet.look();

    assertThat(alerts(id)).hasSize(1);
    assertThat(fleet.number("select count(*) from alert where object = ?", id)).isEqualTo(1);
    assertThat(alerts(id).get("rollout.paused TICKET"))
        .contains("device-failures (pooled) FAIL: 5 of 5 devices failed the update");
  }

  @Test
  void alertsWhenAStageEndsWithoutAVerdict() {
    String id = started();
    fleet.report(id, "COMMITTED");

    fleet.pass(Duration.ofMinutes(11));

    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    assertThat(alerts(id)).containsOnlyKeys("rollout.paused TICKET");
  }

  @Test
  void alertsNobodyOfWhatAPersonPauses() {
    String id = started();

    fleet.act(id, RolloutAct.PAUSE);

    assertThat(alerts(id)).isEmpty();
  }
}
