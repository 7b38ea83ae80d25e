package io.skerry.control.training;

import io.skerry.api.Run;

/** Published once for each run when its final state is stored. */
public record RunEnded(Run run) {}
