package io.skerry.api;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A staged rollout.
 *
 * @param state RUNNING, PAUSED, ABORTING, ABORTED, ROLLING_BACK, ROLLED_BACK, SUCCEEDED or
 *     SUPERSEDED
 * @param stages in their order
 * @param eligible devices whose profile has a variant of the version
 * @param touched devices that got an order from this rollout
 * @param reason why it is not simply running; absent when there is nothing to tell
 * @param allowedActions what an operator may do now
 */
public record Rollout(
    String id,
    String state,
    String model,
    long version,
    String slot,
    List<Stage> stages,
    int eligible,
    int touched,
    @Nullable String reason,
    List<String> allowedActions,
    Instant createdAt,
    @Nullable Instant endedAt) {
  public Rollout {
    stages = List.copyOf(stages);
    allowedActions = List.copyOf(allowedActions);
  }

  /** Whether nothing will change any more. */
  public boolean ended() {
    return endedAt != null;
  }

  /**
   * One stage.
   *
   * @param index from 0
   * @param percent cumulative
   * @param state PENDING, RUNNING, SOAKING, PASSED, FAILED or INCONCLUSIVE
   * @param devices that belong to this stage and none before it
   * @param committed of them, those that run the version and proved it
   * @param failed of them, those that refused it, failed or rolled back by themselves
   * @param verdict PASS, FAIL, INCONCLUSIVE or NO_DATA of the newest gate; absent before the first
   * @param reason the gate's numbers in words
   */
  public record Stage(
      int index,
      int percent,
      String state,
      int devices,
      int committed,
      int failed,
      @Nullable String verdict,
      @Nullable String reason) {}
}
