package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A run that an incident asked for.
 *
 * @param hypothesis what was thought to help, and on which data
 * @param collected windows with outcomes that devices sent since the onset
 * @param cohortTrain examples of the cohort that are learned from
 * @param cohortTest examples of the cohort, on other devices, that judge
 * @param outcome what came of it; absent while the run goes on
 * @param realised how right its version was on the incident's devices since it runs on them,
 *     against the version before; absent until outcomes tell
 */
public record Retraining(
    String incident,
    String run,
    String hypothesis,
    int collected,
    int cohortTrain,
    int cohortTest,
    @Nullable String outcome,
    @Nullable String realised,
    Instant startedAt,
    @Nullable Instant finishedAt) {}
