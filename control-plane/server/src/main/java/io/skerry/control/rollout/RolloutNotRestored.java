package io.skerry.control.rollout;

import io.skerry.protocol.RolloutId;

/**
 * Published when a device that was away at the end of a rollback has returned and cannot go back.
 *
 * @param devices of the rollout that could not, all together
 */
public record RolloutNotRestored(RolloutId rollout, int devices) {}
