package io.skerry.control.ca;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;

/**
 * A device's certificates were revoked, after the commit: whoever holds a connection of it cuts it.
 *
 * @param reason the operator's words
 */
public record DeviceRevoked(TenantId tenant, DeviceId device, String reason) {}
