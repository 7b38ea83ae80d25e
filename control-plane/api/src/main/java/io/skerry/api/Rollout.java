package io.skerry.api;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A staged rollout.
 *
 * @param state DRAFT, WAITING_FOR_APPROVAL, READY, RUNNING, PAUSED, ABORTING, ABORTED,
 *     ROLLING_BACK, ROLLED_BACK, SUCCEEDED or SUPERSEDED
 * @param kind REPLACE, AB or SHADOW
 * @param model of the first part
 * @param slot of the first part
 * @param parts several make a unit: all or none on each device
 * @param stages in their order; the holdback is the last one
 * @param eligible devices that some stage takes, without those that have left it
 * @param notEligible devices that none took when it was written down and that have not joined
 *     since, and those that have left their stage; {@code /outsiders} names them
 * @param touched devices that got an order from this rollout
 * @param pause why it is paused: USER, GATE_INCONCLUSIVE, GATE_FAILED, SUCCESS_PAUSE or WINDOW
 * @param reason why it is not simply running; absent when there is nothing to tell
 * @param allowedActions what may be done now, as paths below the rollout
 * @param revision grows with each act of a person and each decision; quoted, it is the ETag
 */
public record Rollout(
    String id,
    String state,
    String kind,
    String model,
    long version,
    String slot,
    List<Part> parts,
    List<Stage> stages,
    int eligible,
    int notEligible,
    int touched,
    @Nullable String pause,
    @Nullable String reason,
    List<String> allowedActions,
    String createdBy,
    long revision,
    Instant createdAt,
    @Nullable Instant endedAt) {
  public Rollout {
    parts = List.copyOf(parts);
    stages = List.copyOf(stages);
    allowedActions = List.copyOf(allowedActions);
  }

  /** Whether nothing will change any more. */
  public boolean ended() {
    return endedAt != null;
  }

  /** One model of a rollout. */
  public record Part(String slot, String model, long version) {}

  /**
   * One stage.
   *
   * @param index from 0
   * @param percent cumulative; 0 when the stage is none by percentage
   * @param selection what it takes, in words
   * @param state PENDING, RUNNING, SOAKING, PASSED, FAILED or INCONCLUSIVE
   * @param devices that belong to it; while it is PENDING, as far as known at the start
   * @param committed of them, those that run the version and proved it
   * @param failed of them, those that refused it, failed, timed out or rolled back by themselves
   * @param counts devices by deployment state
   * @param verdict PASS, FAIL, INCONCLUSIVE or NO_DATA of all gates; absent before the first
   * @param reason the gates' numbers in words
   * @param gates each gate's verdict
   */
  public record Stage(
      int index,
      int percent,
      String selection,
      String state,
      int devices,
      int committed,
      int failed,
      Map<String, Integer> counts,
      @Nullable String verdict,
      @Nullable String reason,
      List<Gate> gates) {
    public Stage {
      counts = Map.copyOf(counts);
      gates = List.copyOf(gates);
    }
  }

  /**
   * What a gate says.
   *
   * @param gate for example {@code failed-predictions}
   * @param scope a hardware profile, or {@code pooled}; of the open stage's own devices {@code
   *     stage} or {@code stage PROFILE}; of a unit's part its slot and one of these, such as {@code
   *     vision/pooled}
   * @param action PAUSE, ABORT or ROLLBACK: what a failure does
   * @param required whether the stage waits for it
   * @param numbers what was computed, by name
   */
  public record Gate(
      String gate,
      String scope,
      String verdict,
      String action,
      boolean required,
      String reason,
      Map<String, Double> numbers) {
    public Gate {
      numbers = Map.copyOf(numbers);
    }
  }
}
