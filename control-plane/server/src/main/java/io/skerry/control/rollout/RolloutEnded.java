package io.skerry.control.rollout;

import io.skerry.api.Rollout;

/** Published once for each rollout when its final state is stored. */
public record RolloutEnded(Rollout rollout) {}
