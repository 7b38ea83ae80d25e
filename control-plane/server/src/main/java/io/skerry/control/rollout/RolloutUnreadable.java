package io.skerry.control.rollout;

import io.skerry.protocol.RolloutId;

/** Published when this server cannot read a rollout, which therefore stands still. */
public record RolloutUnreadable(RolloutId rollout, String reason) {}
