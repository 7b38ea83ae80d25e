package io.skerry.control.audit;

/**
 * The audit log was changed by somebody who owns the database.
 *
 * @param id of the first row that does not fit or cannot be read; or of the row that is gone
 * @param gone whether it was the newest of a sound log, and is there no more
 */
public record AuditBroken(long id, boolean gone) {}
