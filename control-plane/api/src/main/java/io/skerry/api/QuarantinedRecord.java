package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Something that a device sent and that could not be taken.
 *
 * @param stream samples, windows, feedback, events, reported or status
 * @param sequence absent when it was not one record
 * @param reason what is wrong with it
 * @param bytes of it that were kept
 */
public record QuarantinedRecord(
    long id,
    Instant at,
    String device,
    String stream,
    @Nullable Long bootEpoch,
    @Nullable Long sequence,
    String reason,
    long bytes) {}
