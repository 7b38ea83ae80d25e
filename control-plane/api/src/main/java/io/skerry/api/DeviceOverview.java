package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A device in one line.
 *
 * @param labels as {@code site=b}, comma separated
 * @param phase of its first slot; NONE before the first report
 * @param running {@code model@version} that answers now
 */
public record DeviceOverview(
    String id,
    String labels,
    @Nullable String profile,
    boolean online,
    @Nullable Instant lastSeenAt,
    String phase,
    @Nullable String running,
    @Nullable String error,
    long predictions,
    long predictionsFailed) {}
