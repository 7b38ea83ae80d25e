package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ARM;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.rollout.RolloutAct;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** When the version that was trained on an incident has ended it. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LearnedIncidentsTest {
  private static final String FINDING =
      """
      {"size": {"psi": {"low": 0, "high": 1, "value": 0.5}, "shiftSigma":
        {"low": 0, "high": 2, "value": 1}, "wasserstein": {"low": 0, "high": 1, "value": 0.1},
        "expectedCount": 9, "jensenShannon":
        {"low": 0, "high": 1, "value": 0.1}, "observedCount": 9, "kolmogorovSmirnov": 0.1},
       "peers": 9, "cohort": {"terms": [{"attribute": "site", "value": "b"}]},
       "effect": {"low": 0, "high": 1, "value": 0.5}, "window": 2, "devices": 9, "feature": "f",
       "firedBy": {"kind": "LOCATION", "name": "f"},
       "firedIn": {"terms": [{"attribute": "site", "value": "b"}]},
       "movedBy": {"kind": "LOCATION", "name": "f"}, "logEvidence": 13, "onsetLatest": 1,
       "onsetWindow": 1, "predictions": 99, "logThreshold": 12, "shareExplained": 1}
      """;
  private static final String EVERYBODY = "\"stages\": [{\"percent\": 100}]";

  private final RolloutFleet fleet;

  LearnedIncidentsTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  // Version 1 runs on four devices, and version 2 has learned what moved on some of them.
  @BeforeEach
  void learn() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    fleet.version(2, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    fleet.enrol(2, X86);
    fleet.enrol(2, ARM);
    succeed(1, EVERYBODY);
    fleet
        .plane
        .database()
        .run(
            transaction -> {
              // Of the run nothing is needed but what it made.
              transaction.update("set local session_replication_role = replica");
              transaction.update("delete from incident");
              transaction.update("delete from run");
              transaction.update(
                  """
                  insert into incident (slot, model, version, window_millis, cohort, feature,
                    state, opened_at, onset_window, opened_window, finding, confirmations,
                    resolution, relearn)
                  values ('main', 'tested', 1, 60000, 'site=b', 'f', 'OPEN', now(), 1, 2,
                    ?::jsonb, 0, '', false)
                  """,
                  FINDING);
              transaction.update(
                  """
                  insert into run (id, job, model, snapshot, epochs, seed, incident, state, version,
                    created_at, finished_at)
                  select 'r1', 'j', 'tested', 's', 1, 1, 'incident-' || number, 'SUCCEEDED', 2,
                    now(), now() from incident
                  """);
            });
  }

  private void succeed(long version, String how) {
    String id =
        fleet.create("{\"model\": \"tested\", \"version\": %d, %s}".formatted(version, how)).id();
    fleet.report(id, "COMMITTED");
    String state = fleet.act(id, RolloutAct.PROMOTE).state();
    if (state.equals("RUNNING")) {
      // A trial that was good: its version goes through the stage as the active one.
      assertThat(incident()).isEqualTo("OPEN");
      fleet.look();
      fleet.report(id, "COMMITTED");
      state = fleet.act(id, RolloutAct.PROMOTE).state();
    }
    assertThat(state).isEqualTo("SUCCEEDED");
  }

  private String incident() {
    return fleet
        .texts("select 'it' as name, state || resolution as text from incident")
        .getOrDefault("it", "");
  }

  private static String only(String profile) {
    return "\"stages\": [{\"profile\": \"%s\"}]".formatted(profile);
  }

  @Test
  void endsWhenNoDeviceIsOrderedAnOlderVersionAnyMore() {
    succeed(2, EVERYBODY);

    assertThat(incident()).isEqualTo("RESOLVEDtested@2, trained on this incident, runs everywhere");
  }

  @Test
  void lastsWhileOthersThanTheRolloutTookRunAnOlderOne() {
    succeed(2, only(ARM));
    assertThat(incident()).isEqualTo("OPEN");

    succeed(2, only(X86));
    assertThat(incident()).startsWith("RESOLVED");
  }

  @Test
  void tellsWhereItDoesNotRunYet() {
    fleet.online(X86 + "-01", false);
    succeed(2, EVERYBODY);

    assertThat(incident())
        .isEqualTo("RESOLVEDtested@2, trained on this incident, runs everywhere but on 1 device");
  }

  @Test
  void lastsWhenATrialWasGoodAndDropped() {
    succeed(2, EVERYBODY + ", \"kind\": \"SHADOW\", \"promote\": false");

    assertThat(incident()).isEqualTo("OPEN");
  }

  @Test
  void endsWhenATrialWasPromoted() {
    succeed(2, EVERYBODY + ", \"kind\": \"SHADOW\", \"promote\": true");

    assertThat(incident()).startsWith("RESOLVED").endsWith("runs everywhere");
  }
}
