package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A rollout with its stages.
 *
 * @param touched devices that it changed
 */
public record RolloutOverview(
    String id,
    String state,
    String model,
    long version,
    int touched,
    @Nullable String reason,
    List<StageOverview> stages) {
  public RolloutOverview {
    stages = List.copyOf(stages);
  }
}
