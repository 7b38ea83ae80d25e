package io.skerry.control.ingest;

import io.skerry.protocol.TenantId;

/**
 * A tenant's key cannot be read: what needs it stays on devices until it can.
 *
 * @param reason what is wrong with it, and what to do
 */
public record TenantKeyUnreadable(TenantId tenant, String reason) {}
