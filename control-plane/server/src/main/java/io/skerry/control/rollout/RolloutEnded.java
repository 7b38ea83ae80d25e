package io.skerry.control.rollout;

import io.skerry.api.Rollout;

/** Published for each rollout after its final state is stored; again after a crash meanwhile. */
public record RolloutEnded(Rollout rollout) {}
