package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Data of a device or of a subject that was erased.
 *
 * @param subject the client id of its predictions, as a keyed pseudonym; absent when it was a
 *     device
 * @param samples sampled inputs, waiting or in the lake
 * @param windows stored windows; of a subject none, since counters name nobody
 * @param feedback outcomes
 * @param examples examples in snapshots that were made of its samples
 * @param beyond what could not be reached and why; absent where nothing was
 */
public record Erasure(
    String id,
    @Nullable String device,
    @Nullable String subject,
    String reason,
    String requestedBy,
    Instant requestedAt,
    Instant erasedAt,
    long samples,
    long windows,
    long feedback,
    long examples,
    @Nullable String beyond) {}
