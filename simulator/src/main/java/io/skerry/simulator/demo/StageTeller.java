package io.skerry.simulator.demo;

import io.skerry.api.Rollout;
import java.util.HashMap;
import java.util.Map;

/** Tells each change of a rollout's stages, and its end. */
final class StageTeller {
  private final Progress progress;
  private final Map<Integer, String> told = new HashMap<>();

  StageTeller(Progress progress) {
    this.progress = progress;
  }

  void tell(Rollout rollout) {
    for (Rollout.Stage stage : rollout.stages()) {
      String state = stage.state();
      if (!state.equals("PENDING") && !state.equals(told.put(stage.index(), state))) {
        progress.say(
            "stage %d (%d %%) %s: %d devices, %d committed, %d failed"
                .formatted(
                    stage.index() + 1,
                    stage.percent(),
                    state,
                    stage.devices(),
                    stage.committed(),
                    stage.failed()));
        // What a gate found good fills pages and is on the console; what stops a stage is told.
        if (stage.reason() != null && (state.equals("FAILED") || state.equals("INCONCLUSIVE"))) {
          progress.say("  " + stage.reason());
        }
      }
    }
    if (rollout.ended()) {
      progress.say(
          "rollout %s of version %d %s%s"
              .formatted(
                  rollout.id(),
                  rollout.version(),
                  rollout.state(),
                  rollout.reason() == null ? "" : ": " + rollout.reason()));
    }
  }
}
