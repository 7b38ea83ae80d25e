package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Something that somebody should know of.
 *
 * @param kind for example {@code incident.harmful}
 * @param object the id of what it happened to
 * @param cohort {@code attribute=value}, empty when it is about none
 * @param severity PAGE, TICKET or NOTE
 * @param resolvedAt absent while it lasts
 */
public record AlertView(
    String id,
    Instant at,
    String kind,
    String object,
    String cohort,
    String severity,
    String detail,
    @Nullable Instant resolvedAt) {}
