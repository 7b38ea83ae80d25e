package io.skerry.control.audit;

/** Every row of the audit log fits the one before it. */
public record AuditSound() {}
