package io.skerry.control.audit;

/**
 * The audit log was changed by somebody who owns the database.
 *
 * @param id of the first row that does not fit
 */
public record AuditBroken(long id) {}
