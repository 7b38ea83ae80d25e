package io.skerry.control.ingest;

import io.skerry.protocol.TenantId;

/** A tenant's key was read for the first time since the start, or again. */
public record TenantKeyReadable(TenantId tenant) {}
