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
 */
public record Retraining(
    String incident,
    String run,
    String hypothesis,
    int collected,
    int cohortTrain,
    int cohortTest,
    @Nullable String outcome,
    Instant startedAt,
    @Nullable Instant finishedAt) {}
