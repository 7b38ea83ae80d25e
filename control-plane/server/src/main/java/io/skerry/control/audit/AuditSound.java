package io.skerry.control.audit;

/**
 * Every row of the audit log fits the one before it: told after the start, and by whom had found it
 * changed.
 */
public record AuditSound() {}
