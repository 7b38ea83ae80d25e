package io.skerry.api;

import java.time.Instant;

/** A rollout near a window of drift: when it began and how it stands. */
public record RolloutMark(String rollout, String version, String phase, Instant at, long window) {}
