package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * What came of a check of the audit log.
 *
 * @param rows that it has
 * @param head hash of the newest row: kept elsewhere, it shows later that rows were rewritten
 * @param firstBroken the first row that does not fit the one before it; null when the log is sound
 */
public record AuditCheck(long rows, String head, @Nullable Long firstBroken) {}
