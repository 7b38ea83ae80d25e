package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.web.ProblemException;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever happened in whatever order, what is stored of it leads to the same decisions. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StoredEventsTest {
  private static final int STEPS = 60;
  private static final int DEVICES = 8;
  private static final List<String> PHASES =
      List.of(
          "STAGED", "PROBATION", "COMMITTED", "COMMITTED", "COMMITTED", "FAILED", "ROLLED_BACK");
  private static final String LIMITS =
      """
      "stages": [{"percent": 30}, {"percent": 60, "pauseAfter": true}, {"percent": 100}],
      "inFlight": 3, "pace": {"perMinute": 9, "factor": 1.3, "every": 2}, "holdback": 1,
      "deadlines": {"start": "1m", "step": "1m", "progress": "2m", "stage": "3m"}
      """;
  private static final String UNIT =
      """
      "model": "tested", "version": 2, "parts": [{"slot": "ears", "model": "ears", "version": 2}]
      """;

  private final RolloutFleet fleet;

  StoredEventsTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  private void begin() {
    fleet.empty();
    for (String model : List.of("tested", "ears")) {
      fleet.version(model, 1, Map.of(X86, "onnxruntime"));
      fleet.version(model, 2, Map.of(X86, "onnxruntime"));
    }
    fleet.enrol(DEVICES, X86);
    String before =
        fleet
            .create("{\"model\": \"tested\", \"version\": 1, \"stages\": [{\"percent\": 100}]}")
            .id();
    fleet.report(before, "COMMITTED");
    fleet.act(before, RolloutAct.PROMOTE);
  }

  @ParameterizedTest
  @CsvSource({"REPLACE,1", "REPLACE,2", "UNIT,3", "UNIT,4", "UNIT,5", "AB,6", "AB,7", "SHADOW,8"})
  void whatIsStoredLeadsToTheSame(String kind, long seed) {
    begin();
    String what =
        kind.equals("UNIT")
            ? UNIT
            : "\"model\": \"tested\", \"version\": 2, \"kind\": \"%s\", \"promote\": true"
                .formatted(kind);
    String id = fleet.create("{%s, %s}".formatted(what, LIMITS)).id();
    Random random = new Random(seed);
    for (int step = 0; step < STEPS; step++) {
      disturb(id, random);
      RolloutState replayed = fleet.rollouts.replayed(id);
      RolloutState kept = kept(id);
      assertThat(replayed).as("step %d", step).isEqualTo(kept);
      assertThat(RolloutCodec.write(replayed, RolloutState.class))
          .as("to the last bit")
          .isEqualTo(RolloutCodec.write(kept, RolloutState.class));
    }
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  private RolloutState kept(String id) {
    return fleet
        .plane
        .database()
        .call(transaction -> RolloutTables.find(transaction, id).orElseThrow().state());
  }

  private void disturb(String id, Random random) {
    String device = "%s-%02d".formatted(X86, random.nextInt(DEVICES));
    switch (random.nextInt(12)) {
      case 0 -> fleet.online(device, false);
      case 1 -> fleet.online(device, true);
      case 2 -> fleet.predict(100, random.nextInt(3), 2);
      case 3 -> act(id, random);
      case 4 -> fleet.pass(Duration.ofMinutes(1));
      case 5, 6, 7 -> fleet.pass(Duration.ofSeconds(10));
      default -> fleet.report(id, PHASES.get(random.nextInt(PHASES.size())), List.of(device));
    }
  }

  // What the rollout's state allows: but seldom what ends it.
  private void act(String id, Random random) {
    List<String> allowed = fleet.find(id).allowedActions();
    if (allowed.isEmpty()) {
      return;
    }
    String act = allowed.get(random.nextInt(allowed.size()));
    boolean ends = act.equals("abort") || act.equals("rollback");
    if (ends && random.nextInt(4) > 0) {
      return;
    }
    try {
      fleet.act(id, RolloutAct.ofWireName(act).orElseThrow());
    } catch (ProblemException e) {
      assertThat(e.getMessage()).contains(id);
    }
  }
}
