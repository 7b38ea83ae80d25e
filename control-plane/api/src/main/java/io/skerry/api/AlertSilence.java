package io.skerry.api;

import java.time.Instant;

/**
 * Alerts that are kept and not told for a while.
 *
 * @param kind the beginning of kinds; empty matches all
 * @param cohort empty matches all
 * @param object empty matches all
 */
public record AlertSilence(
    String id,
    String kind,
    String cohort,
    String object,
    Instant until,
    String reason,
    String createdBy,
    Instant createdAt) {}
