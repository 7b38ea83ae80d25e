package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * How long what the devices of one model sent is kept, in days from 1 to 7,300; absent means as
 * long as of all models.
 *
 * @param windowsDays counters and what was judged from them
 * @param samplesDays inputs with their predictions
 * @param outcomesDays actual outcomes
 */
public record DataRetention(
    @Nullable Integer windowsDays, @Nullable Integer samplesDays, @Nullable Integer outcomesDays) {}
